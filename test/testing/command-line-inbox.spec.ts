import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { payload } from '../support/app/payload.js';
import { inPlainText, sealedWith } from '../support/app/keys.js';
import { webhookApp, type WebhookApp } from '../support/app/webhook-app.js';
import { databases, freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { until } from '../support/time/until.js';
import { run, type Run } from './command-line.js';

/** Each command boots a Nest app in a process of its own. */
const TIMEOUT = 120_000;

const options = {
  processing: { retry: { attempts: 1 }, pollInterval: 100 },
  observe: { interval: 1_000 },
};

let isClosed = true;

class Ledger {
  @OnVerification(VerificationCompleted, { id: 'ledger.book' })
  book(): void {
    if (isClosed) throw new Error('The ledger is closed.');
  }
}

/** Each takes a minute, and MariaDB differs in nothing that a command does by itself. */
const kinds = databases.length === 1 ? databases : databases.filter((kind) => kind !== 'mariadb');

describe.each(kinds)('the commands of an operator, on %s', (kind) => {
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
    const { entities: _, migrations: _m, ...connection } = database.options;
    const written = JSON.stringify({
      ...connection,
      name: 'of-the-host',
      entities: ['dist/*.entity.js'],
      synchronize: true,
    });
    await writeFile(file, `export const source = { options: ${written} };`);
    app = await inPlainText(webhookApp(database).withHandlers(Ledger).withOptions(options)).start();
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
      const stats = await inbox('stats', '--json');
      expect([stats.code, JSON.parse(stats.out)]).toMatchObject([
        1,
        { dead: 1, completed: 0, problems: [{ code: 'dead-letters', remedy: expect.stringContaining('replay') }] },
      ]);
      expect((await inbox('stats')).out).toMatch(/^DEGRADED Deliveries are dead\. \(1\) Group them/);
      expect(await json('dead')).toMatchObject({
        groups: [{ handler: 'ledger.book', error: 'Error: The ledger is closed.', count: 1, example: id }],
      });
      expect(await json('list', '--state', 'dead', '--since', '1h', '--error', 'ledger')).toMatchObject([{ id }]);
      expect(await json('list', '--platform', '1', '--death-reason', 'handler')).toMatchObject([{ id }]);
      expect((await inbox('list', '--platform', '3')).code).toBe(1);
      expect((await inbox('list', '--death-reason', 'unreadable')).code).toBe(1);
      expect((await inbox('list', '--since', '1h', '--until', '30m')).code).toBe(1);
      expect(await json('list', '--since', '1h', '--until', '1ms')).toMatchObject([{ id }]);
      expect(await json('list', '--until', '1ms')).toMatchObject([{ id }]);
      const shown = await json('show', sessionId);
      expect(shown).toMatchObject({
        id,
        runs: [{ handler: 'ledger.book', lastError: 'Error: The ledger is closed.' }],
        attempts: [{ handler: 'ledger.book', attempt: 1, outcome: 'dead', error: 'Error: The ledger is closed.' }],
        actions: [],
      });
      expect(await json('show', 'the reference')).toMatchObject({ id });
      for (const { code, out } of [await inbox('list'), await inbox('show', id), await inbox('show', id, '--json')]) {
        expect([code, out.includes(id)]).toEqual([0, true]);
        expect(out).not.toMatch(/the reference|rawBody|checking/);
        expect(out).not.toContain(sessionId);
        expect(out).toContain(`${sessionId.slice(0, 8)}…${sessionId.slice(-4)}`);
      }
      const { out } = await inbox('show', id);
      expect(out).toMatch(/Z │ ledger\.book +│ 1 +│ dead +│ Error: The ledger is closed\./);
      for (const line of [/extractedData\.accountHolder *│ ••• \(text, 10\)/, /externalReferenceId *│ th…ce \(13\)/])
        expect(out).toMatch(line);
    },
    TIMEOUT,
  );

  it(
    'reveal contents only when told to, and into a file only when told so, and say who has',
    async () => {
      const person = { accountHolder: 'Jane Roe', note: 'bell\u009b' };
      const { id, sessionId } = await dead({ extractedData: person, metadata: null });
      const why = ['--reason', 'the customer asks'];
      const refused = await inbox('show', id, '--reveal', ...why);
      expect([refused.code, refused.out]).toEqual([2, '']);
      expect(refused.err).toMatch(/The output is no terminal, .* Write --reveal=file if it may/);
      expect((await inbox('show', id, '--reveal=file')).err).toMatch(/^error: --reveal needs --reason/);
      expect((await inbox('actions')).code).toBe(1);
      const shown = await inbox('show', id, '--reveal=file', '--as', 'anna', ...why);
      expect(shown.code).toBe(0);
      for (const word of [sessionId, 'the reference', 'Jane Roe', 'bell\\u009b']) expect(shown.out).toContain(word);
      expect(shown.err).toBe(`anna has revealed the contents of delivery ${id}.\n`);
      expect(await json('actions')).toMatchObject([
        { operator: 'anna', source: 'cli', action: 'reveal', targetId: id, reason: 'the customer asks' },
      ]);
      const { rawBody } = (await json('show', id, '--reveal=file', ...why)) as { rawBody: string };
      expect(JSON.parse(rawBody)).toMatchObject({ sessionId, extractedData: person });
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
      expect(await json(...selected, '--yes', '--wait', '--rate', '100')).toMatchObject({
        state: 'completed',
        expected: 2,
        done: 2,
        rate: 100,
        source: 'cli',
      });
      for (const { sessionId } of all) expect((await app.delivery(sessionId, 'completed')).dispatches).toBe(2);
      expect((await inbox(...selected, '--yes')).out).toBe('0 selected. Nothing was done.\n');
    },
    TIMEOUT,
  );

  it(
    'say that nobody is there to replay before they wait for it',
    async () => {
      await dead();
      await app.stop();
      const waiting = inbox('replay', '--state', 'dead', '--yes', '--wait');
      const id = await until('the operation has started', async () => {
        const [operation] = (await json('bulk')) as { id: string }[];
        return operation?.id;
      });
      await inbox('bulk', 'cancel', id);
      const { code, out, err } = await waiting;
      expect([code, out, err]).toEqual([
        1,
        expect.stringMatching(/state.*cancelled/),
        expect.stringMatching(/^No live instance/),
      ]);
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
    'record who has done what, and list it',
    async () => {
      const { id } = await dead();
      await inbox('discard', id, '--reason', 'cancelled twice');
      expect((await inbox('replay', '--state', 'discarded', '--yes', '--wait', '--as', 'anna')).code).toBe(0);
      const actions = await json('actions', '--target', id);
      const mine = `${userInfo().username}@${hostname()}`;
      expect(actions).toMatchObject([
        { operator: 'anna', source: 'cli', action: 'replay', targetId: id, reason: null },
        { operator: mine, source: 'cli', action: 'discard', targetId: id, reason: 'cancelled twice' },
      ]);
      expect((await inbox('actions')).out).toMatch(new RegExp(`anna +│ replay +│ ${id}`));
    },
    TIMEOUT,
  );

  it(
    'list, show and discard rejections, without bodies and sessions',
    async () => {
      const { sessionId } = await dead();
      await app.post({ ...payload({ externalReferenceId: 'the reference' }), sessionId, status: 'ERROR' });
      const [{ id } = { id: '' }] = (await json('rejections')) as { id: string }[];
      for (const { code, out } of [await inbox('rejections'), await inbox('rejections', 'show', id)]) {
        expect([code, out.includes(id), out.includes('conflict')]).toEqual([0, true, true]);
        expect(out).not.toMatch(/the reference|rawBody|checking/);
        expect(out).not.toContain(sessionId);
      }
      const discarded = await inbox('rejections', 'discard', id, '--as', 'anna', '--json');
      expect([discarded.code, JSON.parse(discarded.out)]).toEqual([0, { [id]: 'discarded' }]);
      expect((await inbox('rejections', 'list', '--state', 'open')).code).toBe(1);
      expect(await json('actions')).toMatchObject([{ operator: 'anna', action: 'discard-rejection', targetId: id }]);
    },
    TIMEOUT,
  );

  it(
    'handle nothing themselves, so that a delivery waits for the app',
    async () => {
      const { id } = await dead();
      await app.stop();
      expect(await json('replay', id)).toEqual({ [id]: 'replayed' });
      expect(await json('list', '--state', 'pending')).toMatchObject([{ id, dispatches: 1 }]);
    },
    TIMEOUT,
  );

  it(
    'show and steer bulk operations, which wait for an instance',
    async () => {
      const { sessionId } = await dead();
      await app.stop();
      const started = await inbox('replay', '--state', 'dead', '--yes', '--as', 'anna', '--json');
      expect([started.code, started.err]).toEqual([0, expect.stringMatching(/^No live instance that processes/)]);
      const { id } = JSON.parse(started.out) as { id: string };
      expect(await json('bulk')).toMatchObject([{ id, state: 'running', expected: 1, done: 0, operator: 'anna' }]);
      expect(await json('bulk', 'pause', id)).toMatchObject({ isChanged: true, operation: { state: 'paused' } });
      expect((await inbox('bulk', 'pause', id)).code).toBe(1);
      expect(await json('bulk', 'show', id)).toMatchObject({ state: 'paused', pausedBy: 'operator' });
      expect(await json('bulk', 'resume', id, '--rate', '5')).toMatchObject({
        operation: { state: 'running', rate: 5 },
      });
      isClosed = false;
      app = await inPlainText(webhookApp(database).withHandlers(Ledger).withOptions(options)).start();
      const watched = await inbox('bulk', 'watch', id);
      expect([watched.code, /state +│ completed/.test(watched.out)]).toEqual([0, true]);
      await app.delivery(sessionId, 'completed');
      expect((await inbox('bulk', 'cancel', id)).code).toBe(1);
      const [last] = (await json('actions')) as { action: string }[];
      expect(last?.action).toBe('replay');
    },
    TIMEOUT,
  );

  it(
    'show instances, handlers and secrets',
    async () => {
      await dead();
      const [instance] = (await json('instances')) as { id: string; state: string }[];
      expect(instance).toMatchObject({ state: 'live', processes: true });
      const handler = await until('the instance has written its counts', async () => {
        const [first] = (await json('handlers')) as { recent: { runs: number } }[];
        return first?.recent.runs === 1 && first;
      });
      expect(handler).toEqual({
        id: 'ledger.book',
        statuses: ['COMPLETED'],
        isTransactional: false,
        instances: [instance?.id],
        dead: 1,
        recent: { runs: 1, failures: 1, success: 0, latency: null },
      });
      expect((await inbox('handlers')).out).toMatch(/id +│ isTransactional │ dead │ runs │ success │ p50/);
      expect((await inbox('secrets')).out).toContain('secrets[0]');
      const watching = await run(['inbox', 'watch', '--data-source', file], {
        onStart: (interrupt) => setTimeout(interrupt, 8_000),
      });
      expect([watching.code, watching.out]).toEqual([
        130,
        expect.stringMatching(/Deliveries are dead[^]*ledger\.book/),
      ]);
      const asJson = await run(['inbox', 'watch', '--json', '--data-source', file], {
        onStart: (interrupt) => setTimeout(interrupt, 8_000),
      });
      const [first = ''] = asJson.out.split('\n');
      expect(JSON.parse(first)).toMatchObject({
        dead: 1,
        problems: [{ code: 'dead-letters' }],
        errors: [{ count: 1 }],
      });
    },
    TIMEOUT,
  );

  it(
    'say that sealed errors cannot be searched',
    async () => {
      await app.stop();
      app = await sealedWith(['2026-11'])(webhookApp(database).withHandlers(Ledger).withOptions(options)).start();
      const { id } = await dead();
      const { code, err } = await inbox('list', '--error', 'ledger');
      expect([code, err]).toEqual([2, expect.stringContaining('sealed')]);
      expect(await json('list', '--handler', 'ledger.book')).toMatchObject([{ id }]);
    },
    TIMEOUT,
  );

  if (kind !== databases[0]) return; // what follows is the same on every database

  it.each([
    [['list', '--state', 'broken'], /Allowed choices are pending/],
    [['replay'], /Name deliveries by their ids, or select them with --state/],
    [['replay', 'some-id', '--handler', 'ledger.book'], /Ids name the deliveries/],
    [['discard', 'some-id', '--wait'], /Ids name the deliveries/],
    [['list', '--since', '2h', '--until', '24h'], /--until is not later than --since/],
    [['bulk', 'show', 'nobody'], /No bulk operation has this id/],
    [['replay', '--state', 'pending'], /"selection.receivedBetween" is missing/],
    [['replay', '--state', 'dead', '--pause-at', '2'], /It must be a share from 0 to 1/],
    [['show', 'nobody'], /No delivery has this id, session or reference/],
    [['rejections', 'show', 'nobody'], /No rejection has this id/],
    [['actions', '--target', 'nobody'], /Option "targetId" must be an id/],
    [['show', 'nobody', '--reveal=all'], /Allowed choices are file/],
    [['list', '--status', 'DONE'], /Option "status" must be/],
  ])('explain a mistake in one line: %j', async (args, says) => {
    const { code, out, err } = await inbox(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(says);
    expect(err.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  it(
    'print nothing that a terminal would obey, whoever has written it',
    async () => {
      const { id } = await dead();
      const evil = '\u001B]0;owned\u0007 \u009B2J \u202E\nlast';
      await app.inbox.discard(id, { by: evil, reason: evil, source: 'page' });
      for (const { code, out } of [await inbox('actions'), await inbox('actions', '--json')]) {
        expect([code, out.includes('\\u001b]0;owned')]).toEqual([0, true]);
        expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      }
      expect(await json('actions')).toMatchObject([{ operator: evil, reason: evil }]);
    },
    TIMEOUT,
  );

  it('say in one line that the database does not answer, or the file cannot be loaded', async () => {
    const down = join(folder, 'down.mjs');
    const closed = { type: 'postgres', url: 'postgres://user:the-password@127.0.0.1:1/app' };
    await writeFile(down, `export const source = { options: ${JSON.stringify(closed)} };`);
    const broken = join(folder, 'broken.mjs');
    await writeFile(broken, 'export const source = {{');
    for (const [path, says] of [
      [down, /^error: The database cannot be opened: .*ECONNREFUSED.*\n$/],
      [broken, /^error: .*broken\.mjs cannot be loaded: SyntaxError.*\n$/],
    ] as const) {
      const { code, out, err } = await run(['inbox', 'stats', '--data-source', path]);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(says);
    }
  });

  it('open no SQLite file that is not there, and make none', async () => {
    const missing = join(folder, 'data', 'missing.sqlite');
    const source = join(folder, 'sqlite.mjs');
    await writeFile(
      source,
      `export const source = { options: ${JSON.stringify({ type: 'better-sqlite3', database: missing })} };`,
    );
    const { code, out, err } = await run(['inbox', 'stats', '--data-source', source]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toBe(
      `error: There is no database file ${missing}, which ${source} names. Run this command in the folder that the app runs in, or write an absolute path there.\n`,
    );
    expect([existsSync(missing), existsSync(join(folder, 'data'))]).toEqual([false, false]);
  });

  it('name the file that is missing', async () => {
    const { code, err } = await run(['inbox', 'stats', '--data-source', join(folder, 'nothing.js')]);
    expect([code, err]).toEqual([2, expect.stringMatching(/There is no .*nothing\.js\. Name the file/)]);
  });
});

describe.each(databases)('a command in a database without the tables, on %s', (kind) => {
  it('tells what to run, and ends', async () => {
    const database = await freshDatabase(kind);
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-operator-'));
    const file = join(folder, 'data-source.mjs');
    await (await database.connect()).destroy(); // makes the file of SQLite
    await writeFile(file, `export const source = { options: ${JSON.stringify(database.options)} };`);
    const begun = performance.now();
    const { code, out, err } = await run(['inbox', 'stats', '--data-source', file]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: The table .*cr3dentials_webhook_delivery.* is missing .* Run the migration /);
    expect(performance.now() - begun).toBeLessThan(10_000); // so long does a pool of PostgreSQL hold a process
    await rm(folder, { recursive: true });
    await database.drop();
  });
});
