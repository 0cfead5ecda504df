import { describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource, type EntityManager } from 'typeorm';
import { FailOnce } from '../../support/app/doubles.js';
import { databases, type DatabaseKind } from '../../support/database/databases.js';
import { BookAnd, Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

type Way = (manager: EntityManager, inside: (manager: EntityManager) => Promise<void>) => Promise<void>;

/** The ways into a transaction within the handler's own. */
const ways: [string, Way][] = [
  ['manager.transaction()', (manager, inside) => manager.transaction(inside)],
  ['two of them', (manager, inside) => manager.transaction((inner) => inner.transaction(inside))],
  [
    'its query runner',
    async (manager, inside) => {
      await manager.queryRunner?.startTransaction();
      await inside(manager);
      await manager.queryRunner?.commitTransaction();
    },
  ],
  [
    'a savepoint of its own',
    async (manager, inside) => {
      await manager.query('SAVEPOINT mine');
      await inside(manager);
      await manager.query('RELEASE SAVEPOINT mine');
    },
  ],
];

/** Writes before, in and after a nested transaction; in its first run it waits in the middle. */
class BookNested {
  readonly attempts: number[] = [];
  readonly gate = new Gate();
  way: Way = () => Promise.resolve();

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager, attempt }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    const isFirst = this.attempts.length === 1;
    await manager.insert(Effect, { sessionId });
    await this.way(manager, async (inner) => {
      await inner.insert(Effect, { sessionId });
      if (isFirst) await this.gate.pass();
      await inner.insert(Effect, { sessionId });
    });
  }
}

/** Connections of anybody to this database that have begun a transaction and do nothing in it. */
async function idleInTransaction(kind: DatabaseKind, beside: DataSource): Promise<number> {
  switch (kind) {
    case 'sqlite': {
      const runner = beside.createQueryRunner();
      await runner.query('BEGIN IMMEDIATE'); // refused as busy while somebody else writes
      await runner.query('ROLLBACK');
      return 0;
    }
    case 'postgres': {
      const [{ n }] = await beside.query<[{ n: number }]>(
        `SELECT count(*)::int AS n FROM pg_stat_activity
         WHERE state LIKE 'idle in transaction%' AND query LIKE '%"' || current_schema() || '"%'`,
      );
      return n;
    }
    case 'mariadb': {
      await beside.query('SELECT SLEEP(0.15)'); // the table below is a copy that is renewed when nobody has read it for 0.1 s
      const [{ n }] = await beside.query<[{ n: string }]>(
        `SELECT COUNT(*) AS n FROM information_schema.innodb_trx t
         JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE()`,
      );
      return Number(n);
    }
    default:
      return kind satisfies never;
  }
}

for (const kind of databases) {
  describe.each(ways)(`a transactional handler that is cancelled in %s, on ${kind}`, (_, way) => {
    const host = freshHost(kind);

    /** What is acknowledged from now on is there for everybody. */
    async function keepsWhatItAcknowledges(app: WebhookApp): Promise<void> {
      const beside = await host.database.connect();
      await until('nobody is idle in a transaction', async () => (await idleInTransaction(kind, beside)) === 0);
      const bodies = Array.from({ length: 12 }, () => payload());
      const answers = await Promise.all(bodies.map((body) => app.post(body)));
      expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200));
      for (const { sessionId } of bodies) {
        expect(
          await beside.query<unknown[]>(
            `SELECT id FROM cr3dentials_webhook_delivery WHERE session_id = '${String(sessionId)}'`,
          ),
        ).toHaveLength(1);
      }
    }

    const startWith = async (options: object, ...more: (typeof FailOnce)[]) => {
      const app = await host.start((a) =>
        withEffects(a)
          .withHandlers(BookNested, ...more)
          .withOptions(options),
      );
      const book = app.nest.get(BookNested);
      book.way = way;
      return { app, book };
    };

    it('takes effect once, as a whole, after a timeout', async () => {
      const { app, book } = await startWith({ processing: { handlerTimeout: 150 } });
      const body = payload();
      await app.post(body);
      await until('it has timed out', () => app.logger.matching(/Timed out after 150 ms/).length > 0);
      book.gate.open(); // what it still does, it does for nothing; it is not called again before
      const { runs } = await app.delivery(body.sessionId, 'completed');
      expect(book.attempts).toEqual([1, 2]);
      expect(runs).toMatchObject([{ handler: 'book', state: 'completed' }]);
      expect(await effectsOf(app, body.sessionId)).toBe(3);
      await keepsWhatItAcknowledges(app);
      expect(await effectsOf(app, body.sessionId)).toBe(3);
    });

    // On SQLite nobody can take a delivery over while its handler's transaction holds the file.
    if (kind !== 'sqlite') {
      it('leaves nothing after a lost lease', async () => {
        const { app, book } = await startWith({ processing: { lease: 1_000 } });
        const body = payload();
        await app.post(body);
        await until('it has begun', () => book.gate.arrivals === 1);
        const beside = await host.database.connect();
        await beside.query(
          `UPDATE cr3dentials_webhook_delivery_state SET claim_id = 'another', lease_expires_at = lease_expires_at + 3600000`,
        );
        await until('it is told', () => app.logger.matching(/Lost the leases of 1 delivery/).length > 0);
        await keepsWhatItAcknowledges(app);
        expect(await effectsOf(app, body.sessionId)).toBe(0);
      });
    }

    it('leaves nothing after a shutdown, and takes effect once on the next instance', async () => {
      const { app, book } = await startWith({ processing: { drainTimeout: 20 } });
      const body = payload();
      await app.post(body);
      await until('it has begun', () => book.gate.arrivals === 1);
      await host.stop(app);
      const beside = await host.database.connect();
      expect(await idleInTransaction(kind, beside)).toBe(0);
      const next = await startWith({});
      next.book.gate.open();
      await next.app.delivery(body.sessionId, 'completed');
      expect(await effectsOf(next.app, body.sessionId)).toBe(3);
    });

    it('takes effect once beside another handler that fails', async () => {
      const { app, book } = await startWith({ processing: { handlerTimeout: 600 } }, FailOnce);
      const body = payload();
      await app.post(body);
      await until('it has timed out', () => app.logger.matching(/Timed out after 600 ms/).length > 0);
      book.gate.open();
      await app.delivery(body.sessionId, 'completed');
      expect(book.attempts).toEqual([1, 2]);
      expect(await effectsOf(app, body.sessionId)).toBe(3);
      await keepsWhatItAcknowledges(app);
    });
  });

  describe(`a transactional handler on ${kind}`, () => {
    const host = freshHost(kind);

    const run = async (misuse: BookAnd['misuse']) => {
      const app = await host.start((a) => withEffects(a).withHandlers(BookAnd));
      const book = app.nest.get(BookAnd);
      book.misuse = misuse;
      const body = payload();
      await app.post(body);
      await app.delivery(body.sessionId, 'completed');
      return { app, runs: book.runs, effects: await effectsOf(app, body.sessionId) };
    };

    it.each([
      ['commits', (manager: EntityManager) => manager.queryRunner?.commitTransaction()],
      ['rolls back', (manager: EntityManager) => manager.queryRunner?.rollbackTransaction()],
      ['commits by a statement', (manager: EntityManager) => manager.query('COMMIT')],
      ['rolls back by a statement', (manager: EntityManager) => manager.query(' rollback work')],
      ['begins by a statement', (manager: EntityManager) => manager.query('BEGIN')],
    ])('fails when it %s by itself, and takes effect once when it does not', async (_, misuse) => {
      const { app, runs, effects } = await run(misuse);
      expect({ runs, effects }).toEqual({ runs: 2, effects: 1 });
      expect(app.logger.matching(/cannot begin, commit or roll back the transaction that it is given/)).not.toEqual([]);
    });

    it('keeps its connection when it releases it', async () => {
      const { runs, effects } = await run((manager) => manager.queryRunner?.release());
      expect({ runs, effects }).toEqual({ runs: 1, effects: 1 });
    });

    it('takes effect once when it rolls back to its own savepoint', async () => {
      const { runs, effects } = await run(async (manager) => {
        await manager.query('SAVEPOINT mine');
        await manager.insert(Effect, { sessionId: 'another' });
        await manager.query('ROLLBACK TO SAVEPOINT mine');
      });
      expect({ runs, effects }).toEqual({ runs: 1, effects: 1 });
    });

    it('fails when it returns before its nested transaction has ended', async () => {
      const { app, runs, effects } = await run((manager) => void manager.queryRunner?.startTransaction());
      expect({ runs, effects }).toEqual({ runs: 2, effects: 1 });
      expect(app.logger.matching(/was open. Await manager.transaction/)).toHaveLength(1);
    });

    it('keeps the rest when it catches the failure of a nested transaction', async () => {
      const { runs, effects } = await run((manager) =>
        manager
          .transaction(async (inner) => {
            await inner.insert(Effect, { sessionId: 'another' });
            throw new Error('only this part');
          })
          .catch(() => {}),
      );
      expect({ runs, effects }).toEqual({ runs: 1, effects: 1 });
    });

    it('is completed only with its effect when it catches the failure of a statement', async () => {
      const { app, runs, effects } = await run((manager) =>
        manager.query('SELECT * FROM a_table_that_is_missing').catch(() => {}),
      );
      // PostgreSQL alone commits nothing after that.
      expect({ runs, effects }).toEqual({ runs: kind === 'postgres' ? 2 : 1, effects: 1 });
      expect(app.logger.matching(/Rethrow the error, or nest the statement/)).toHaveLength(kind === 'postgres' ? 1 : 0);
    });
  });
}
