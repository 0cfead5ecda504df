import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { payload } from '../support/app/payload.js';
import { inPlainText } from '../support/app/keys.js';
import { webhookApp, type WebhookApp } from '../support/app/webhook-app.js';
import { databases, freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { run, type Run } from './command-line.js';

/** Each command boots a Nest app in a process of its own. */
const TIMEOUT = 120_000;

let isClosed = true;

class Ledger {
  @OnVerification(VerificationCompleted, { id: 'ledger.book' })
  book(): void {
    if (isClosed) throw new Error('The ledger is closed.');
  }
}

describe.each(databases)('the commands of an operator, on %s', (kind) => {
  let folder: string;
  let file: string;
  let database: TestDatabase;
  let app: WebhookApp;

  beforeEach(async () => {
    isClosed = true;
    database = await freshDatabase(kind);
    folder = await mkdtemp(join(tmpdir(), 'cr3d-operator-'));
    file = join(folder, 'data-source.mjs');
    // As `typeorm -d` reads it: with entities and settings that the command has no use for.
    const { entities: _, migrations: _m, ...options } = database.options;
    const written = JSON.stringify({
      ...options,
      name: 'of-the-host',
      entities: ['dist/*.entity.js'],
      synchronize: true,
    });
    await writeFile(file, `export const source = { options: ${written} };`);
    const processing = { retry: { attempts: 1 }, pollInterval: 100 };
    app = await inPlainText(webhookApp(database).withHandlers(Ledger).withOptions({ processing })).start();
  });

  afterEach(async () => {
    await app.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const inbox = (...args: string[]): Promise<Run> => run(['inbox', ...args, '--data-source', file]);
  const json = async (...args: string[]): Promise<unknown> => JSON.parse((await inbox(...args, '--json')).out);

  /** Posts a delivery, and awaits that it is a dead letter. */
  async function dead(more: object = {}): Promise<{ id: string; sessionId: string }> {
    const body = payload({ externalReferenceId: 'the reference', ...more });
    await app.post(body);
    return { id: (await app.delivery(body.sessionId, 'dead')).id, sessionId: String(body.sessionId) };
  }

  it(
    'count, list and show what is broken, without bodies and references',
    async () => {
      const { id, sessionId } = await dead();
      expect(await json('stats')).toMatchObject({ dead: 1, completed: 0 });
      expect(await json('list', '--state', 'dead', '--since', '1h', '--error', 'ledger')).toMatchObject([{ id }]);
      const shown = await json('show', sessionId);
      expect(shown).toMatchObject({
        id,
        runs: [{ handler: 'ledger.book', lastError: 'Error: The ledger is closed.' }],
      });
      for (const { code, out } of [await inbox('list'), await inbox('show', id), await inbox('show', id, '--json')]) {
        expect([code, out.includes(id)]).toEqual([0, true]);
        expect(out).not.toMatch(/the reference|rawBody|accountHolder/);
      }
    },
    TIMEOUT,
  );

  it(
    'replay what is selected, only when told to, and the app handles it',
    async () => {
      const all = [await dead(), await dead()];
      const selected = ['replay', '--state', 'dead', '--handler', 'ledger.book'];
      const counted = await inbox(...selected);
      expect([counted.code, counted.out]).toEqual([1, '2 selected. Nothing was done: add --yes.\n']);
      expect(await json('stats')).toMatchObject({ dead: 2 });

      isClosed = false;
      expect(await json(...selected, '--yes', '--rate', '100')).toMatchObject({ matched: 2, replayed: 2 });
      for (const { sessionId } of all) expect((await app.delivery(sessionId, 'completed')).attempts).toBe(2);
      expect((await inbox(...selected, '--yes')).out).toBe('0 selected. Nothing was done.\n');
    },
    TIMEOUT,
  );

  it(
    'replay and discard by id, and say what they could not do',
    async () => {
      const { id, sessionId } = await dead();
      const unknown = '0198c1f0-7a3b-7c11-9a55-000000000000';
      const discarded = await inbox('discard', id, unknown, '--json');
      expect([discarded.code, JSON.parse(discarded.out)]).toEqual([1, { [id]: 'discarded', [unknown]: 'unknown' }]);
      isClosed = false;
      expect(await json('replay', id)).toEqual({ [id]: 'replayed' });
      await app.delivery(sessionId, 'completed');
    },
    TIMEOUT,
  );

  it(
    'handle nothing themselves, so that a delivery waits for the app',
    async () => {
      const { id } = await dead();
      await app.stop();
      expect(await json('replay', id)).toEqual({ [id]: 'replayed' });
      expect(await json('list', '--state', 'pending')).toMatchObject([{ id, attempts: 1 }]);
    },
    TIMEOUT,
  );

  it.each([
    [['list', '--state', 'broken'], /Allowed choices are pending/],
    [['replay'], /Name deliveries by their ids, or select them with --state/],
    [['show', 'nobody'], /No delivery has this id or session/],
    [['list', '--status', 'DONE'], /Option "status" must be/],
  ])('explain a mistake in one line: %j', async (args, says) => {
    const { code, out, err } = await inbox(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(says);
    expect(err.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  it('name the file that is missing', async () => {
    const { code, err } = await run(['inbox', 'stats', '--data-source', join(folder, 'nothing.js')]);
    expect([code, err]).toEqual([2, expect.stringMatching(/There is no .*nothing\.js\. Name the file/)]);
  });
});
