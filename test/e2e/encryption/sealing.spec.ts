import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, PermanentError, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { readFile } from 'node:fs/promises';
import type { DataSource } from 'typeorm';
import { HOLDER, SECRET } from '../../support/app/canaries.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { inPlainText, keyOf, sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

const REFERENCE = 'reference-of-a-person-8841';

@Injectable()
class FailForGood {
  @OnVerification({ id: 'fail-for-good' })
  handle({ sessionId }: VerificationEvent): never {
    throw new PermanentError(`No account for the person of ${sessionId}: secret-word-5512`);
  }
}

const TABLES = ['delivery', 'delivery_state', 'handler_run', 'rejection', 'key', 'task'];

/** Everything that the tables of the inbox hold, as text. */
async function dump(beside: DataSource): Promise<string> {
  const all = [];
  for (const table of TABLES) all.push(await beside.query(`SELECT * FROM cr3dentials_webhook_${table}`));
  return JSON.stringify(all);
}

async function filesOf(database: TestDatabase): Promise<string> {
  const { database: file } = database.options as { database: string };
  const parts = await Promise.all(['', '-wal'].map((end) => readFile(file + end, 'latin1').catch(() => '')));
  return parts.join('\n');
}

/** One of each kind of row that has contents. */
async function fill(app: WebhookApp): Promise<void> {
  const body = payload({ externalReferenceId: REFERENCE });
  await app.post(body);
  await app.delivery(body.sessionId, 'dead');
  await app.post({ ...body, extractedData: { accountHolder: HOLDER, more: 1 } }); // a conflict
  await app.post(payload({ status: 'A status with secret-word-7723' }));
  await app.post(payload({ platformId: 'none' }));
}

describe.each(databases)('a sealed inbox, on %s', (kind) => {
  const host = freshHost(kind);

  const change = async (statement: string) => (await host.database.connect()).query(statement);

  const start = (clock?: MovingClock) =>
    host.start((app) => sealedWith(['k-1'])(clock ? app.withClock(clock) : app).withHandlers(RememberEvents));

  async function forged(body: Record<string, unknown>): Promise<void> {
    const receiving = await host.start((a) => sealedWith(['k-1'])(a).withOptions({ processing: { enabled: false } }));
    await receiving.post(body);
    const text = JSON.stringify({ ...body, extractedData: { balance: 1_000_000 } });
    await change(`UPDATE cr3dentials_webhook_delivery SET raw_body = '${text}', key_id = NULL`);
  }

  it('holds nothing that can be read, and the operator reads everything', async () => {
    const app = await host.start((a) => sealedWith(['k-1'])(a).withHandlers(FailForGood));
    await fill(app);
    const stored = await dump(await host.database.connect());
    for (const word of [HOLDER, REFERENCE, 'checking', 'secret-word']) expect(stored).not.toContain(word);
    expect(stored).not.toContain(keyOf('k-1').value.toString('base64url'));

    const [summary] = await app.inbox.list({ externalReferenceId: REFERENCE });
    expect(summary).toMatchObject({ contents: 'readable', externalReferenceId: null });
    const found = await app.inbox.find(String(summary?.id));
    expect(found).toMatchObject({ externalReferenceId: REFERENCE, contents: 'readable' });
    expect(found?.rawBody).toContain(HOLDER);
    expect(found?.runs[0]?.lastError).toContain('secret-word-5512');
    await expect(app.inbox.replayAll({ state: 'dead', error: 'secret' })).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining('errors are sealed'),
    });
    const details = (await app.rejections()).map(({ reason, detail }) => `${reason} ${detail}`);
    expect(details.toSorted()).toEqual([
      expect.stringMatching(/^conflict [0-9a-f]{64}$/),
      expect.stringContaining('invalid {"platformId"'),
      'unknown-status A status with secret-word-7723',
    ]);
  });

  it('control: the same words are found in a plain inbox', async () => {
    const app = await host.start((a) => inPlainText(a).withHandlers(FailForGood));
    await fill(app);
    const stored = await dump(await host.database.connect());
    for (const word of [HOLDER, REFERENCE, 'checking', 'secret-word-5512', 'secret-word-7723'])
      expect(stored).toContain(word);
  });

  it('tells duplicates from conflicts, and keeps the body byte for byte', async () => {
    const app = await host.start((a) => sealedWith(['k-1'])(a).withHandlers(RememberEvents).withRawBody());
    const { sessionId } = payload();
    const text = `{"sessionId":"${String(sessionId)}", "status":"COMPLETED","platformId":1,"extractedData":{"n":7.50,"z":"\\u0000"}}`;
    expect((await app.post(text)).status).toBe(200);
    expect((await app.post(text)).status).toBe(200);
    expect((await app.post(text.replace('7.50', '8'))).status).toBe(200);
    expect((await app.post(text.replace('7.50', '8'))).status).toBe(200);
    await until('the duplicate is counted', async () => (await app.delivery(sessionId, 'completed')).duplicates === 1);
    expect((await app.delivery(sessionId, 'completed')).rawBody).toBe(text);
    expect(await app.rejections()).toMatchObject([
      { reason: 'conflict', repeats: 1, rawBody: text.replace('7.50', '8') },
    ]);
    expect(app.nest.get(RememberEvents).of(sessionId)).toHaveLength(1);
  });

  it('is read by another instance with the key: after a crash, and for an operator', async () => {
    const receiving = await host.start((a) => sealedWith(['k-1'])(a).withOptions({ processing: { enabled: false } }));
    const body = payload({ externalReferenceId: REFERENCE });
    await receiving.post(body);
    const working = await start();
    await working.delivery(body.sessionId, 'completed');
    expect(working.nest.get(RememberEvents).of(body.sessionId)).toMatchObject([
      { externalReferenceId: REFERENCE, extractedData: { accountHolder: HOLDER } },
    ]);
  });

  it('replaces contents by an accepted conflict, each sealed for its own place', async () => {
    const app = await start();
    const body = payload({ externalReferenceId: REFERENCE });
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    const other = { ...body, status: 'ERROR', externalReferenceId: 'another-reference' };
    await app.post(other);
    const [conflict] = await app.rejections();
    expect(await app.inbox.rejections.accept(String(conflict?.id))).toBe('accepted');
    const now = await until('both were handled', async () => {
      const found = await app.delivery(body.sessionId, 'completed');
      return found.status === 'ERROR' ? found : null;
    });
    expect(JSON.parse(String(now.rawBody))).toEqual(other);
    expect(await app.inbox.list({ externalReferenceId: REFERENCE })).toEqual([]);
    expect(await app.inbox.list({ externalReferenceId: 'another-reference' })).toHaveLength(1);
    const [superseded] = await app.rejections({ reason: 'superseded' });
    expect(JSON.parse(String(superseded?.rawBody))).toEqual(body);
    await app.post(other); // it is what is recorded now
    expect(await app.rejections({ reason: 'conflict' })).toEqual([]);
  });

  describe('that somebody writes to', () => {
    it('handles no swapped contents, and says so', async () => {
      const clock = new MovingClock();
      const receiving = await host.start((a) => sealedWith(['k-1'])(a).withOptions({ processing: { enabled: false } }));
      const bodies = [payload(), payload()];
      for (const body of bodies) await receiving.post(body);
      const beside = await host.database.connect();
      const rows = await beside.query<{ id: string; raw_body: string }[]>(
        'SELECT id, raw_body FROM cr3dentials_webhook_delivery ORDER BY id',
      );
      const [one, two] = rows;
      await change(`UPDATE cr3dentials_webhook_delivery SET raw_body = '${two?.raw_body}' WHERE id = '${one?.id}'`);
      await change(`UPDATE cr3dentials_webhook_delivery SET raw_body = '${one?.raw_body}' WHERE id = '${two?.id}'`);

      const app = await start(clock);
      await until('both were tried', () => app.logger.matching(/^ERROR SEAL_BROKEN: /)[0]);
      await until('both wait', async () => (await app.inbox.list({ state: 'pending' })).length === 2);
      expect(app.nest.get(RememberEvents).events).toEqual([]);
      expect(await app.inbox.find(String(one?.id))).toMatchObject({ contents: 'broken', rawBody: null });
      expect((await app.inbox.stats()).unreadable.broken).toBe(2);

      await change(`UPDATE cr3dentials_webhook_delivery SET raw_body = '${one?.raw_body}' WHERE id = '${one?.id}'`);
      clock.advance(61_000);
      await until('the one that was put back is handled', () => app.nest.get(RememberEvents).events.length === 1);
      const dead = await until('the other one is given up', async () => {
        clock.advance(3_600_001);
        const found = await app.inbox.find(String(two?.id));
        return found?.state === 'dead' ? found : undefined;
      });
      expect(dead).toMatchObject({ reason: 'unreadable', dispatches: 12, runs: [] });
      expect(app.nest.get(RememberEvents).events).toHaveLength(1);
      await change(`UPDATE cr3dentials_webhook_delivery SET raw_body = '${two?.raw_body}' WHERE id = '${two?.id}'`);
      expect(await app.inbox.replay(String(two?.id))).toBe('replayed');
      await until('it is handled', () => app.nest.get(RememberEvents).events.length === 2);
    });

    it('handles no plain text, and says so', async () => {
      const body = payload();
      await forged(body);
      const app = await start();
      await until('it was refused', () => app.logger.matching(/^ERROR PLAINTEXT_REFUSED: /)[0]);
      expect(await app.inbox.list()).toMatchObject([{ contents: 'broken' }]);
      expect(await app.inbox.find({ sessionId: String(body.sessionId) })).toMatchObject({ contents: 'broken' });
      expect(app.nest.get(RememberEvents).events).toEqual([]);
    });

    it('control: handles plain text if it is told to accept it', async () => {
      const body = payload();
      await forged(body);
      const app = await host.start((a) => sealedWith(['k-1'], { plaintext: 'accept' })(a).withHandlers(RememberEvents));
      await app.delivery(body.sessionId, 'completed');
      expect(app.nest.get(RememberEvents).events).toMatchObject([{ extractedData: { balance: 1_000_000 } }]);
    });

    it('and accepts no rejection that does not open', async () => {
      const app = await start();
      await app.post(payload({ status: 'NEW' }));
      await app.post(payload({ status: 'NEWER' }));
      const [one, two] = await app.inbox.rejections.list();
      await change(
        `UPDATE cr3dentials_webhook_rejection SET raw_body = (SELECT b FROM (SELECT raw_body AS b FROM cr3dentials_webhook_rejection WHERE id = '${two?.id}') x) WHERE id = '${one?.id}'`,
      );
      const before = await dump(await host.database.connect());
      expect(await app.inbox.rejections.accept(String(one?.id))).toBe('unreadable');
      expect(await app.inbox.rejections.find(String(one?.id))).toMatchObject({ contents: 'broken', rawBody: null });
      expect(await dump(await host.database.connect())).toBe(before);
    });

    it('and replaces no delivery whose contents do not open', async () => {
      const app = await start();
      const body = payload();
      await app.post(body);
      await app.delivery(body.sessionId, 'completed');
      await app.post({ ...body, status: 'ERROR' });
      await change(`UPDATE cr3dentials_webhook_delivery SET raw_body = 'cw1r.k-1.${'A'.repeat(60)}'`);
      const [conflict] = await app.inbox.rejections.list();
      const before = await dump(await host.database.connect());
      expect(await app.inbox.rejections.accept(String(conflict?.id))).toBe('unreadable');
      expect(await dump(await host.database.connect())).toBe(before);
    });
  });
});

describe('the file of a sealed SQLite inbox', () => {
  it.each([
    ['sealed', sealedWith(['k-1']), false],
    ['control: plain', inPlainText, true],
  ])('holds no name, in its log neither: %s', async (_, configure, isFound) => {
    const database = await freshDatabase('sqlite');
    const app = await configure(webhookApp(database)).withHandlers(FailForGood).start();
    await fill(app);
    const files = await filesOf(database);
    for (const word of [HOLDER, REFERENCE]) expect(files.includes(word)).toBe(isFound);
    expect(files).not.toContain(SECRET);
    await app.stop();
    await database.drop();
  });
});
