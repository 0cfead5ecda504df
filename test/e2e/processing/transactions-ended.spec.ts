import { describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { DataSource, EntityManager } from 'typeorm';
import { databases, servers, type DatabaseKind } from '../../support/database/databases.js';
import { BookAnd, Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

/** Sends a text on the connection of the driver, past TypeORM and every guard. */
async function sendRaw(manager: EntityManager, ...texts: string[]): Promise<void> {
  const connection = (await manager.queryRunner?.connect()) as {
    exec?(text: string): void;
    query(text: string, done: (error: Error | null) => void): void;
  };
  for (const text of texts) {
    if (connection.exec) connection.exec(text);
    else
      await new Promise<void>((resolve, reject) =>
        connection.query(text, (error) => (error ? reject(error) : resolve())),
      );
  }
}

/** A procedure that ends the transaction of its caller, which no text of the caller tells. */
const PROCEDURES: Partial<Record<DatabaseKind, readonly string[]>> = {
  mariadb: ['CREATE PROCEDURE commit_it() COMMIT', 'CREATE PROCEDURE roll_it_back() ROLLBACK'],
};
const BEGIN = { sqlite: 'BEGIN', postgres: 'BEGIN', mariadb: 'START TRANSACTION' } as const;

for (const kind of databases) {
  describe(`a transactional handler that ends its transaction on ${kind}`, () => {
    const host = freshHost(kind);

    const run = async (misuse: BookAnd['misuse'], options = {}, prepare?: (beside: DataSource) => Promise<unknown>) => {
      const app = await host.start((a) => withEffects(a, options).withHandlers(BookAnd));
      await prepare?.(await host.database.connect());
      const book = app.nest.get(BookAnd);
      book.misuse = misuse;
      const body = payload();
      await app.post(body);
      const { runs } = await app.delivery(body.sessionId, 'completed');
      expect(runs).toMatchObject([{ handler: 'book', state: 'completed' }]);
      return { app, runs: book.runs, effects: await effectsOf(app, body.sessionId) };
    };

    it.each([
      ['rolls back', ['ROLLBACK'], 1],
      ['rolls back and begins another', ['ROLLBACK', BEGIN[kind]], 1],
      ['commits', ['COMMIT'], 2],
      ['commits and begins another', ['COMMIT', BEGIN[kind]], 2],
    ])('fails when it %s on the connection of the driver, and is called again', async (_, texts, effects) => {
      const ended = await run((manager) => sendRaw(manager, ...texts));
      // What it has committed itself stays. It is not taken for what the completion commits.
      expect([ended.runs, ended.effects]).toEqual([2, effects]);
      expect(ended.app.logger.matching(/The transaction of this handler has ended before the handler/)).toHaveLength(1);
    });

    if (kind !== 'sqlite') {
      const several = { extra: { multipleStatements: true } };

      it.each([
        ['commits', 'SELECT 1; COMMIT'],
        ['rolls back', `SELECT 'a;b' AS "c;d"; -- ;\n ROLLBACK ; SELECT 2`],
        ['begins', 'SELECT 1;BEGIN'],
      ])('is refused when it %s in a query of several statements', async (_, text) => {
        const { app, runs, effects } = await run((manager) => manager.query(text), several);
        expect([runs, effects]).toEqual([2, 1]);
        expect(app.logger.matching(/cannot begin, commit or roll back the transaction/)).toHaveLength(1);
      });

      it('may send several statements, and texts that only look like the end of a transaction', async () => {
        const { runs, effects } = await run(async (manager) => {
          await manager.query(`SELECT '; COMMIT'; SELECT 2; /* ; ROLLBACK */`);
          await manager.query('SAVEPOINT mine; ROLLBACK TO SAVEPOINT mine');
        }, several);
        expect([runs, effects]).toEqual([1, 1]);
      });

      it('fails when a statement fails that it has not awaited', async () => {
        const { app, runs, effects } = await run((manager) => {
          manager.query('SELECT * FROM a_table_that_is_missing').catch(() => {});
          void manager.query(kind === 'postgres' ? 'SELECT pg_sleep(0.1)' : 'SELECT SLEEP(0.1)').catch(() => {});
        });
        // Only PostgreSQL commits nothing after that.
        expect([runs, effects]).toEqual([kind === 'postgres' ? 2 : 1, 1]);
        expect(app.logger.matching(/Rethrow the error, or nest the statement/)).toHaveLength(
          kind === 'postgres' ? 1 : 0,
        );
      });
    }

    const procedures = PROCEDURES[kind];
    if (procedures) {
      it.each([
        ['commits', 'CALL commit_it()', 2],
        ['rolls back', 'CALL roll_it_back()', 1],
      ])('fails when a procedure of the database %s', async (_, call, effects) => {
        const ended = await run(
          (manager) => manager.query(call),
          {},
          async (beside) => {
            for (const procedure of procedures) await beside.query(procedure);
          },
        );
        expect([ended.runs, ended.effects]).toEqual([2, effects]);
        expect(ended.app.logger.matching(/has ended before the handler/)).toHaveLength(1);
      });
    }
  });
}

/** Locks its two rows, one after the other. Swallows whatever the database says. */
class SwallowTheDeadlock {
  calls = 0;
  whenFirstIsLocked: () => Promise<void> = () => Promise.resolve();

  @OnVerification({ id: 'swallow', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    this.calls++;
    await manager.insert(Effect, { sessionId });
    if (this.calls > 1) return;
    await manager.query(`UPDATE effect SET session_id = 'mine' WHERE id = 1`);
    await this.whenFirstIsLocked();
    await manager.query(`UPDATE effect SET session_id = 'mine' WHERE id = 2`).catch(() => {});
  }
}

for (const kind of servers) {
  describe(`a transactional handler that swallows its deadlock on ${kind}`, () => {
    const host = freshHost(kind);

    it('fails, because the database has rolled back its transaction, and takes effect once', async () => {
      const app = await host.start((a) => withEffects(a).withHandlers(SwallowTheDeadlock));
      const handler = app.nest.get(SwallowTheDeadlock);
      const beside = await host.database.connect();
      await beside.query(`INSERT INTO effect (id, session_id) VALUES (1, 'one'), (2, 'two')`);
      if (kind === 'postgres') await beside.query(`SELECT setval(pg_get_serial_sequence('effect', 'id'), 2)`);
      const other = beside.createQueryRunner();
      await other.startTransaction();
      let waiting: Promise<unknown> = Promise.resolve();
      handler.whenFirstIsLocked = async () => {
        // The one with more to undo survives on MariaDB, and the one that was first to wait on PostgreSQL.
        for (let n = 0; n < 5; n++) await other.query(`INSERT INTO effect (session_id) VALUES ('more to undo')`);
        await other.query(`UPDATE effect SET session_id = 'theirs' WHERE id = 2`);
        if (kind === 'postgres') await other.query(`SET LOCAL deadlock_timeout = '1min'`);
        waiting = other.query(`UPDATE effect SET session_id = 'theirs' WHERE id = 1`);
      };
      const body = payload();
      await app.post(body);
      await app.delivery(body.sessionId, 'completed');
      await waiting;
      await other.rollbackTransaction();
      await other.release();
      expect(handler.calls).toBe(2);
      expect(await effectsOf(app, body.sessionId)).toBe(1);
    });
  });
}
