import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { OnVerification } from 'nestjs-cr3dentials-webhook';
import { existsSync } from 'node:fs';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { holdInbox } from '../../support/database/held-inbox.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

/** Far more than a busy machine needs between two turns of the event loop, and less than SQLite's own patience. */
const STILL_TURNING = 1_000;

describe('an inbox in a SQLite file', () => {
  let database: TestDatabase;
  let file: string;
  let app: WebhookApp;
  let others: WebhookApp[];

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
    file = String(database.options.database);
    others = [];
  });

  afterEach(async () => {
    for (const running of [app, ...others]) await running?.stop();
    await database?.drop();
  });

  const start = (options: Parameters<ReturnType<typeof webhookApp>['withOptions']>[0] = {}) =>
    webhookApp(database).withHandlers(RememberEvents).withOptions(options).start();

  describe('while the host has an open transaction that rolls back', () => {
    it('keeps what is posted meanwhile', async () => {
      app = await start();
      const body = payload();
      await rollingBack(app, async () => {
        expect(await app.post(body)).toMatchObject({ status: 200 });
      });
      await app.delivery(body.sessionId, 'completed');
    });

    it('accepts what is posted once a writing transaction is over', async () => {
      app = await start();
      await hostOf(app).query('CREATE TABLE account (id integer)');
      const body = payload();
      let isAnswered = false;
      const post = await rollingBack(app, async (query) => {
        await query('INSERT INTO account VALUES (1)');
        const answer = app.post(body).finally(() => {
          isAnswered = true;
        });
        const other = await app.post(payload(), { headers: { 'x-api-key': 'wrong' } });
        expect([other.status, isAnswered]).toEqual([401, false]);
        return { answer };
      });
      expect(await post.answer).toMatchObject({ status: 200 });
      await app.delivery(body.sessionId, 'completed');
      expect(await hostOf(app).query('SELECT * FROM account')).toEqual([]);
    });
  });

  describe('while another connection holds the write lock', () => {
    it('waits without blocking the event loop', async () => {
      app = await start();
      const unlock = await holdInbox(database, await database.connect());
      const loop = watchEventLoop();
      const body = payload();
      let isAnswered = false;
      const post = app.post(body).finally(() => {
        isAnswered = true;
      });
      await until('three hundred milliseconds have passed', () => loop.elapsed() > 300);
      expect(isAnswered).toBe(false);
      await unlock();
      expect(await post).toMatchObject({ status: 200 });
      expect(loop.longestTurn()).toBeLessThan(STILL_TURNING);
      expect(loop.turns()).toBeGreaterThan(10);
      await app.delivery(body.sessionId, 'completed');
    });

    it('answers 503 after the timeout, and 200 once the lock is released', async () => {
      app = await start({ receiving: { ackTimeout: 300 } });
      const unlock = await holdInbox(database, await database.connect());
      const loop = watchEventLoop();
      const bodies = Array.from({ length: 5 }, () => payload());
      const answers = await Promise.all(bodies.map((body) => app.post(body)));
      expect(answers.map(({ status, headers }) => [status, Number(headers['retry-after']) > 0])).toEqual(
        bodies.map(() => [503, true]),
      );
      expect(loop.longestTurn()).toBeLessThan(STILL_TURNING);
      await unlock();
      for (const body of bodies) {
        await until('it is taken', async () => (await app.post(body)).status === 200);
        await app.delivery(body.sessionId, 'completed');
      }
      expect(app.nest.get(RememberEvents).sessionIds.toSorted()).toEqual(
        bodies.map(({ sessionId }) => sessionId).toSorted(),
      );
    });

    it('does not cancel a running handler, and completes its delivery later', async () => {
      let unlock: (() => Promise<void>) | undefined;
      const beside = await database.connect();

      @Injectable()
      class LockTheFile {
        @OnVerification()
        async lock(): Promise<void> {
          unlock = await holdInbox(database, beside);
        }
      }

      app = await webhookApp(database).withHandlers(LockTheFile).start();
      const body = payload();
      await app.post(body);
      const release = await until('the handler has locked the file', () => unlock);
      expect(await app.inbox.find({ sessionId: String(body.sessionId) })).toMatchObject({ state: 'processing' });
      await release();
      expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({ dispatches: 1, runs: [] });
    });
  });

  it('leaves the settings of the host’s own connection unchanged', async () => {
    const prepared: unknown[] = [];
    const options = {
      timeout: 1_234,
      enableWAL: false,
      prepareDatabase: (handle: { pragma(text: string): unknown }) =>
        void prepared.push(handle.pragma('foreign_keys = ON')),
    };
    app = await webhookApp(database).withDataSource(options).start();
    const host = hostOf(app);
    await app.post(payload());
    expect(host.options).toMatchObject({ ...options, migrationsRun: true });
    expect(prepared).toHaveLength(2); // ours too is prepared as the host prepares its own
    const pragma = async (name: string) => Object.values((await host.query<object[]>(`PRAGMA ${name}`))[0] ?? {})[0];
    expect(await pragma('busy_timeout')).toBe(1_234);
    expect(await pragma('foreign_keys')).toBe(1);
    expect(host.isInitialized).toBe(true);
  });

  it('survives power loss, with a WAL and a flush for every commit', async () => {
    app = await start();
    expect(app.logger.matching(/\(durable\)/)).toHaveLength(1);
    const beside = await database.connect();
    expect(await beside.query('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(app.logger.matching(/could be lost/)).toEqual([]);
  });

  it('is closed with the app', async () => {
    app = await start();
    await app.post(payload());
    expect(existsSync(`${file}-wal`)).toBe(true);
    await app.stop();
    expect(existsSync(`${file}-wal`)).toBe(false); // the last connection takes it away
  });

  it('is shared by several apps, and each delivery is handled by one', async () => {
    others = [await start(), await start()];
    app = await start();
    const apps = [app, ...others];
    const bodies = Array.from({ length: 40 }, () => payload());
    const posts = bodies.flatMap((body) => apps.map((running) => running.post(body)));
    expect((await Promise.all(posts)).filter(({ status }) => status === 200)).toHaveLength(120);
    for (const { sessionId } of bodies) expect((await app.delivery(sessionId, 'completed')).duplicates).toBe(2);
    const seen = apps.flatMap(({ nest }) => nest.get(RememberEvents).sessionIds);
    expect(seen.toSorted()).toEqual(bodies.map(({ sessionId }) => sessionId).toSorted());
  });
});

describe.each<DataSourceOptions>([{ type: 'better-sqlite3', database: ':memory:' }, { type: 'sqljs' }])(
  'an inbox in memory: $type',
  (options) => {
    it('works for tests, and warns that nothing is durable', async () => {
      const database = await freshDatabase('sqlite');
      const app = await webhookApp({ ...database, options })
        .withHandlers(RememberEvents)
        .start();
      try {
        const bodies = Array.from({ length: 20 }, () => payload());
        await Promise.all(bodies.flatMap((body) => [app.post(body), app.post(body)]));
        for (const { sessionId } of bodies)
          expect(await app.delivery(sessionId, 'completed')).toMatchObject({ duplicates: 1 });
        expect(app.nest.get(RememberEvents).sessionIds).toHaveLength(20);
        expect(app.logger.matching(/^WARN .*in memory: nothing that is acknowledged survives/)).toHaveLength(1);
        expect(app.logger.matching(/\(NOT durable\)/)).toHaveLength(1);
      } finally {
        await app.stop();
        await database.drop();
      }
    });
  },
);

/** How long the event loop stands still, from now on. */
function watchEventLoop() {
  const begun = performance.now();
  let last = begun;
  let turns = 0;
  let longest = 0;
  const turn = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    turns++;
  };
  setInterval(turn, 10).unref();
  return {
    elapsed: () => performance.now() - begun,
    turns: () => turns,
    longestTurn: () => (turn(), longest),
  };
}

function hostOf({ nest }: WebhookApp): DataSource {
  return nest.get<DataSource>(getDataSourceToken(), { strict: false });
}

/** Host code that fails at the end of its transaction. */
async function rollingBack<T>(
  app: WebhookApp,
  work: (query: (statement: string) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  let result: T | undefined;
  const transaction = hostOf(app).transaction(async (manager) => {
    result = await work((statement) => manager.query(statement));
    throw new Error('rolled back');
  });
  await expect(transaction).rejects.toThrow('rolled back');
  return result as T;
}
