import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inPlainText } from '../../support/app/keys.js';
import { Injectable, type INestApplication } from '@nestjs/common';
import { OnVerification } from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { databases, freshDatabase, type DatabaseKind, type TestDatabase } from '../../support/database/databases.js';
import { holdInbox } from '../../support/database/held-inbox.js';
import { InsertWatch } from '../../support/database/insert-watch.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import { webhookApp, type Answer, type WebhookApp } from '../../support/app/webhook-app.js';

const MIB = 1024 * 1024;
/** Longer than any other session. */
const POISON = 'poison, and more of it than there is room for';
/** How a database can be brought to refuse that one. */
const REFUSALS: Record<DatabaseKind, [string, string][]> = {
  sqlite: [
    [
      'a trigger refuses',
      `CREATE TRIGGER no_poison BEFORE INSERT ON cr3dentials_webhook_delivery
       WHEN NEW.session_id = '${POISON}' BEGIN SELECT RAISE(ABORT, 'no'); END`,
    ],
  ],
  postgres: [
    [
      'a constraint refuses',
      `ALTER TABLE cr3dentials_webhook_delivery ADD CONSTRAINT no_poison CHECK (session_id <> '${POISON}')`,
    ],
    ['has no room in its column', 'ALTER TABLE cr3dentials_webhook_delivery ALTER session_id TYPE varchar(40)'],
  ],
  mariadb: [
    [
      'a constraint refuses',
      `ALTER TABLE cr3dentials_webhook_delivery ADD CONSTRAINT no_poison CHECK (session_id <> '${POISON}')`,
    ],
    ['has no room in its column', 'ALTER TABLE cr3dentials_webhook_delivery MODIFY session_id varchar(40)'],
  ],
};

@Injectable()
class Agree {
  @OnVerification()
  agree(): void {}
}

describe.each(databases)('the group commit, on %s', (kind) => {
  let database: TestDatabase;
  let beside: DataSource;
  let watch: InsertWatch;
  let app: WebhookApp;
  let arrived = 0;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    beside = await database.connect();
    watch = new InsertWatch();
    arrived = 0;
  });

  afterEach(async () => {
    await app?.stop();
    await database?.drop();
  });

  const start = (options: Parameters<ReturnType<typeof webhookApp>['withOptions']>[0] = {}) =>
    inPlainText(webhookApp(database))
      .withHandlers(Agree)
      .withOptions(options)
      .configured((nest) => {
        watch.watch(nest);
        countArrivals(nest);
      })
      .start();

  function countArrivals(nest: INestApplication): void {
    nest.use((_request: unknown, _response: unknown, next: () => void) => {
      arrived++;
      next();
    });
  }

  async function postWhileHeld(bodies: unknown[]): Promise<Answer[]> {
    const unlock = await holdInbox(database, beside);
    const answers = bodies.map((body) => app.post(body));
    await until('every POST has arrived', () => arrived === bodies.length).finally(unlock);
    return Promise.all(answers);
  }

  it('writes queued rows with few inserts, two at a time, of at most 200 rows', async () => {
    app = await start();
    const bodies = Array.from({ length: 450 }, () => payload());
    const answers = await postWhileHeld(bodies);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(450);
    expect(watch.rows).toBe(450);
    expect(watch.succeeded.length).toBeLessThanOrEqual(20);
    expect(Math.max(...watch.succeeded.map(({ rows }) => rows))).toBe(200);
    expect(watch.mostInFlight).toBe(kind === 'sqlite' ? 1 : 2);
    await until('all are completed', async () => (await app.inbox.stats()).completed === 450);
  });

  it.each([
    ['of one byte', 'x'.repeat(80_000)],
    ['of three bytes', '€'.repeat(27_000)],
  ])('writes at most 1 MiB at a time, of characters %s', async (_, text) => {
    app = await start();
    const bodies = Array.from({ length: 60 }, () => payload({ extractedData: { text } }));
    const answers = await postWhileHeld(bodies);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(60);
    expect(watch.rows).toBe(60);
    expect(watch.succeeded.length).toBeLessThanOrEqual(20);
    const limit = MIB + 200 * 1_000; // the other columns
    expect(watch.succeeded.map(({ bytes }) => bytes).filter((bytes) => bytes > limit)).toEqual([]);
  });

  it('writes together what arrives at once at an idle inbox', async () => {
    app = await start();
    const postAtOnce = () => Promise.all(Array.from({ length: 60 }, () => app.post(payload())));
    await postAtOnce(); // connections are accepted one by one, and kept
    const before = watch.succeeded.length;
    await postAtOnce();
    expect(watch.rows).toBe(120);
    expect(watch.succeeded.length - before).toBeLessThanOrEqual(30);
  });

  it('writes a single POST with its own insert', async () => {
    app = await start();
    for (let n = 1; n <= 3; n++) {
      expect(await app.post(payload())).toMatchObject({ status: 200 });
      expect(watch.succeeded.map(({ rows }) => rows)).toEqual(Array.from({ length: n }, () => 1));
    }
  });

  it('answers 503 at once while maxQueued deliveries wait, and logs the remedy', async () => {
    app = await start({ receiving: { maxQueued: 5 } });
    const unlock = await holdInbox(database, beside);
    let refused = 0;
    const posts = Array.from({ length: 20 }, async () => {
      const answer = await app.post(payload());
      if (answer.status === 503) refused++;
      return answer;
    });
    await until('fifteen are refused', () => refused === 15, 5_000).finally(unlock);
    const answers = await Promise.all(posts);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refusals = answers.filter(({ status, headers }) => status === 503 && Number(headers['retry-after']) > 0);
    expect(refusals).toHaveLength(15);
    const told = app.logger.matching(/^ERROR /).map((line) => line.replace(/\d+ POSTs?/, 'n POSTs'));
    expect(told).toEqual([
      'ERROR Answered 503 to n POSTs, which the sender should retry. 5 POSTs wait for the inbox already. Speed up the database, or raise "receiving.maxQueued". Cr3dentialsWebhook',
    ]);
    const after = await Promise.all(Array.from({ length: 5 }, () => app.post(payload())));
    expect(after.filter(({ status }) => status === 200)).toHaveLength(5);
  });

  it.each(REFUSALS[kind])('does not fail the neighbours of a row that %s', async (__, refusal) => {
    app = await start();
    await beside.query(refusal);
    const sessions = Array.from({ length: 60 }, (_, n) => (n === 30 ? POISON : `healthy ${n}`));
    const answers = await postWhileHeld(sessions.map((sessionId) => payload({ sessionId })));
    expect(answers.flatMap(({ status }, n) => (status === 200 ? [] : [[sessions[n], status]]))).toEqual([
      [POISON, 503],
    ]);
    expect(Math.max(...watch.failed.map(({ rows }) => rows))).toBeGreaterThan(1);
    await until('the others are completed', async () => (await app.inbox.stats()).completed === 59);
    expect(await app.inbox.find({ sessionId: POISON })).toBeNull();
    expect(app.logger.matching(/Canary Doe/)).toEqual([]);
  });

  it('keeps no capacity for refused or duplicate deliveries', async () => {
    app = await start({ processing: { concurrency: 1 } });
    for (const [, refusal] of REFUSALS[kind]) await beside.query(refusal);
    const known = payload();
    await app.post(known);
    await app.delivery(known.sessionId, 'completed');
    for (let n = 0; n < 5; n++) {
      expect(await app.post(payload({ sessionId: POISON }))).toMatchObject({ status: 503 });
      expect(await app.post(known)).toMatchObject({ status: 200 });
    }
    const next = payload();
    await app.post(next);
    await app.delivery(next.sessionId, 'completed');
  });

  it('does not deadlock with another instance that writes the same sessions in another order', async () => {
    app = await start();
    const other = await start();
    try {
      const unlock = await holdInbox(database, beside);
      const bodies = Array.from({ length: 150 }, () => payload());
      const posts = [...bodies.map((body) => app.post(body)), ...bodies.toReversed().map((body) => other.post(body))];
      await until('every POST has arrived', () => arrived === 300).finally(unlock);
      expect((await Promise.all(posts)).filter(({ status }) => status === 200)).toHaveLength(300);
      for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
      // One that is being inserted by the other instance is locked. Its duplicate is counted a second later.
      await until('every duplicate is counted', async () => {
        const [row] = await beside.query<{ n: string }[]>(
          'SELECT COUNT(*) AS n FROM cr3dentials_webhook_delivery_state WHERE duplicates = 1',
        );
        return Number(row?.n) === 150;
      });
      expect(watch.failed.filter(({ code }) => /DEADLOCK|40P01/.test(code))).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  it('recovers after a failure', async () => {
    app = await start({ processing: { enabled: false } });
    await beside.query('ALTER TABLE cr3dentials_webhook_delivery RENAME TO elsewhere');
    const body = payload();
    const answers = await Promise.all(Array.from({ length: 10 }, () => app.post(body)));
    expect(answers.map(({ status, headers }) => [status, Number(headers['retry-after']) > 0])).toEqual(
      answers.map(() => [503, true]),
    );
    await beside.query('ALTER TABLE elsewhere RENAME TO cr3dentials_webhook_delivery');
    expect(await app.post(body)).toMatchObject({ status: 200 });
    expect(await app.delivery(body.sessionId, 'pending')).toMatchObject({ duplicates: 0 });
  });
});
