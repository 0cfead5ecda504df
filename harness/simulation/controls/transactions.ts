import type { QueryRunner } from 'typeorm';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import type { HandlerWork } from '../../../src/database/database.connection.js';
import type { ExecuteSql } from '../../../src/database/dialect/dialect.js';
import { HandlerTransaction } from '../../../src/database/handler.transaction.js';
import { PooledConnection } from '../../../src/database/pooled.connection.js';
import { sql } from '../../../src/database/sql.js';
import type { Tables } from '../../../src/inbox/tables.js';
import { HandlerRunRepository, type LockedRun } from '../../../src/inbox/handler-run.repository.js';
import { HandlerRunner } from '../../../src/processing/dispatch/handler.runner.js';
import { patch } from '../patch.js';
import type { Control } from './control.js';

/** Faults of transactions and connections. */
export const transactionsControls: readonly Control[] = [
  {
    name: 'a rollback of one level (F1)',
    apply: () => rollBackBy((runner) => runner.rollbackTransaction().catch(() => {})),
  },
  {
    name: 'a rollback that waits behind a statement without answer (F8)',
    apply: () =>
      rollBackBy(async (runner) => {
        while (runner.isTransactionActive) await runner.rollbackTransaction();
      }),
  },
  {
    name: 'no deadline of statements (F5)',
    apply: () =>
      patch(
        PooledConnection,
        'withStatementTimeout',
        () =>
          function (this: never, ...args: never[]) {
            return args[1];
          },
      ),
  },
  {
    name: 'a commit that the server answers with a rollback',
    apply: () =>
      patch(
        HandlerRunner,
        'complete',
        (complete) =>
          function (this: never, ...args: never[]) {
            return Promise.resolve(complete.apply(this, args)).catch(() => {});
          },
      ),
  },
  {
    name: 'a manager that outlives its transaction',
    apply: () => patch(HandlerTransaction, 'end', () => () => {}),
  },
  {
    name: 'writes of a handler outside of its transaction',
    apply: () =>
      patch(
        DatabaseConnection,
        'handlerTransaction',
        (run) =>
          function (this: never, ...args: never[]) {
            const [work] = args as unknown as [HandlerWork<unknown>];
            const { hostDataSource } = this as DatabaseConnection;
            return run.call(this, ((execute: ExecuteSql, own: HandlerTransaction) =>
              work(execute, Object.assign(own, { manager: hostDataSource.manager }))) as never);
          },
      ),
  },
  {
    name: 'a worker that waits for the run of a vanished machine (F2)',
    apply: () =>
      patch(
        HandlerRunRepository,
        'lock',
        (lock) =>
          async function (this: never, ...args: never[]) {
            for (;;) {
              const answer = await lock.apply(this, args);
              if (answer !== 'locked') return answer;
              await new Promise((resolve) => setTimeout(resolve, 100));
            }
          },
      ),
  },
  {
    name: 'a run that has completed runs again',
    apply: () =>
      patch(
        HandlerRunRepository,
        'lock',
        (lock) =>
          async function (this: never, ...args: never[]) {
            const answer = await lock.apply(this, args);
            if (answer !== 'completed') return answer;
            const [execute, { deliveryId, handler }] = args as unknown as [ExecuteSql, LockedRun];
            const { tables } = this as unknown as { tables: Tables };
            await execute(
              sql`UPDATE ${tables.handlerRun} SET state = 'pending' WHERE delivery_id = ${deliveryId} AND handler = ${handler}`,
            );
            return lock.apply(this, args);
          },
      ),
  },
  {
    name: 'a handler that has rolled back its transaction completes (F1)',
    apply: () =>
      patch(
        HandlerRunRepository,
        'complete',
        (complete) =>
          function (this: never, ...args: never[]) {
            const [execute, run, now] = args as unknown as [ExecuteSql, LockedRun, number];
            const { connection } = this as unknown as { connection: DatabaseConnection };
            const blind = Object.assign(Object.create(this) as object, {
              connection: { ...connection, dialect: { ...connection.dialect, transactionId: undefined } },
              isMarked: () => Promise.resolve(true),
            });
            return complete.apply(blind as never, [execute, { ...run, transactionId: undefined }, now] as never[]);
          },
      ),
  },
  {
    name: 'a replay that resets completed runs',
    apply: () =>
      patch(
        HandlerRunRepository,
        'resetStatement',
        () =>
          function (this: HandlerRunRepository, ...args: never[]) {
            const [ids, now] = args as unknown as [string[], number];
            return this.restartStatement(ids, ['ledger'], now);
          } as never,
      ),
  },
];

/** Ends failed transactions in another way. */
function rollBackBy(rollBack: (runner: QueryRunner) => Promise<void>) {
  return patch(
    DatabaseConnection,
    'rollBack',
    () =>
      function (this: never, ...args: never[]) {
        return rollBack(args[0] as unknown as QueryRunner);
      },
  );
}
