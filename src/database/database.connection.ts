import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';
import type { Cancellation } from '../concurrency/cancellation.js';
import type { Semaphore } from '../concurrency/semaphore.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { DatabaseFailedError, isTransient, isUnavailable, withoutValues } from './database.errors.js';
import type { Dialect, ExecuteSql, SqlResult } from './dialect/dialect.js';
import { HandlerTransaction } from './handler.transaction.js';
import type { Lane } from './lanes.js';
import type { Sql } from './sql.js';

/** Longest time for which a deadlock or a busy file is retried. */
const RETRY_TIMEOUT_MS = 10_000;
/** Longest time that a rollback may take. Its connection is then ended. */
const ROLLBACK_TIMEOUT_MS = 2_000;
/** Longest time that a database may take to answer that it is there. */
const REACHABLE_TIMEOUT_MS = 1_000;

/** Returns a statement of a transaction from the results of those before, or nothing. */
export type StatementStep = (results: readonly SqlResult[]) => Sql | undefined;

/** Result of a step without a statement. */
export const NOTHING: SqlResult = { records: [], affected: 0 };

/** Work in the transaction of a handler. */
export type HandlerWork<T> = (execute: ExecuteSql, transaction: HandlerTransaction) => Promise<T>;

/**
 * Connection of the inbox to its database, for single statements and for transactions. A deadlock or a busy file is
 * retried, without blocking the event loop.
 */
export abstract class DatabaseConnection {
  protected constructor(
    /** The host's DataSource: its names, and the connections of handlers. */
    readonly hostDataSource: DataSource,
    readonly dialect: Dialect,
    /** Limits how many transactions of handlers are open at the same time. */
    private readonly handlerTransactions: Semaphore,
  ) {}

  /** Size of the host's pool if handlers' transactions leave too little of it to the host; otherwise undefined. */
  get scarcePoolSize(): number | undefined {
    return undefined;
  }

  /** Number of handlers' transactions that may be open at the same time. */
  get maxHandlerTransactions(): number {
    return this.handlerTransactions.size;
  }

  /** Closes what the inbox has opened for itself. Further calls do nothing. */
  abstract close(): Promise<void>;

  /** Returns a runner whose connection is kept for long, beside those of the lanes. */
  createDedicatedRunner(): QueryRunner {
    throw new Error('This database has no connection to spare.');
  }

  execute(statement: Sql, lane: Lane = 'processing'): Promise<SqlResult> {
    if (this.dialect.transactionSettings) return this.transaction((execute) => execute(statement), lane);
    return this.withRetries(() => this.withRunner(lane, (runner) => this.executorOf(runner, lane)(statement)));
  }

  /**
   * Runs work in a transaction.
   *
   * @param work may run again from its start; its first statement must be a write, which takes SQLite's lock at once
   */
  transaction<T>(work: (execute: ExecuteSql) => Promise<T>, lane: Lane = 'processing'): Promise<T> {
    return this.withRetries(() =>
      this.withRunner(lane, (runner) =>
        this.inTransaction(runner, lane, async () => {
          const execute = this.executorOf(runner, lane);
          if (this.dialect.transactionSettings) await execute(this.dialect.transactionSettings);
          return work(execute);
        }),
      ),
    );
  }

  /**
   * Runs statements in a transaction, each once the results of those before are known. A step may leave its statement
   * out. Resolves to the results in order; that of a step without a statement is empty. SQLite runs them in one go, so
   * that nobody meets the transaction.
   */
  transactionOf(steps: readonly StatementStep[], lane?: Lane): Promise<SqlResult[]> {
    return this.transaction(async (execute) => {
      const results: SqlResult[] = [];
      for (const step of steps) {
        const statement = step(results);
        results.push(statement ? await execute(statement) : NOTHING);
      }
      return results;
    }, lane);
  }

  /**
   * Runs work in a transaction of the host's connections, only once and in the host's isolation level. The manager is
   * for the host's own writes.
   *
   * @param wait ends the wait for the transactions before: the promise then rejects with its reason
   * @throws Cr3dentialsWebhookError `NOT_TRANSACTIONAL` if work leaves a nested transaction open, or a statement that
   * fails
   * @throws DatabaseFailedError if the connection failed, rather than the work
   */
  handlerTransaction<T>(work: HandlerWork<T>, wait?: Cancellation): Promise<T> {
    return this.handlerTransactions.run(
      () =>
        this.withHandlerRunner(async (runner) => {
          let transaction: HandlerTransaction | undefined;
          let isCommitting = false;
          try {
            return await this.inTransaction(runner, 'processing', async () => {
              transaction = new HandlerTransaction(runner, this.dialect);
              const result = await finishHandlerWork(
                transaction,
                work(this.executorOf(runner, 'processing'), transaction),
              );
              isCommitting = true;
              return result;
            });
          } catch (error) {
            throw !transaction || this.isOurFailure(transaction, error, isCommitting)
              ? new DatabaseFailedError(error)
              : error;
          }
        }),
      wait,
    );
  }

  /** Tells whether the transaction of a handler failed because its connection did. */
  protected isOurFailure(transaction: HandlerTransaction, error: unknown, isCommitting: boolean): boolean {
    return transaction.hasLostConnection || (isCommitting && isUnavailable(this.dialect, error));
  }

  /** Tells whether the database answers within a second, and takes writes. Never throws. */
  async isWritable(): Promise<boolean> {
    const answer = this.execute(this.dialect.isWritable).then(({ records }) => records.length === 1);
    return withTimeout(answer, REACHABLE_TIMEOUT_MS).catch(() => false);
  }

  /** Runs work on a connection of the inbox, once the lane has one free. */
  protected abstract withRunner<T>(lane: Lane, work: (runner: QueryRunner) => Promise<T>): Promise<T>;

  /** Runs work on a connection of the host. */
  protected abstract withHandlerRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T>;

  /** Settles as the statement does. Ends its connection and rejects if that takes too long for the lane. */
  protected abstract withStatementTimeout<T>(runner: QueryRunner, statement: Promise<T>, lane: Lane): Promise<T>;

  /** Ends the connection of a query runner, here and at the server. Releasing it would pass it on as it is. */
  protected abstract discard(runner: QueryRunner): Promise<void>;

  /**
   * Rolls back, and leaves no transaction open: the next user of the connection would write into it and never be
   * committed. If the rollback fails or does not end in time, the connection is ended.
   */
  private async rollBack(runner: QueryRunner, isNested: boolean): Promise<void> {
    if (runner.isReleased) return; // its connection was ended
    try {
      if (runner.isTransactionActive) await withTimeout(runner.rollbackTransaction(), ROLLBACK_TIMEOUT_MS);
      // Still active: TypeORM has lost count, or SQLite has rolled back by itself, as it does on a full disk.
      if (runner.isTransactionActive && !isNested) throw new Error('The transaction is still open.');
    } catch {
      if (!isNested) await this.discard(runner);
    }
  }

  private async inTransaction<T>(runner: QueryRunner, lane: Lane, work: () => Promise<T>): Promise<T> {
    const isNested = runner.isTransactionActive; // in one of the host's, in memory
    try {
      await this.withStatementTimeout(runner, runner.startTransaction(), lane);
      const result = await work();
      await this.withStatementTimeout(runner, runner.commitTransaction(), lane);
      if (runner.isTransactionActive && !isNested) throw unfinished(); // only a savepoint was released
      return result;
    } catch (error) {
      await this.rollBack(runner, isNested);
      throw error;
    }
  }

  private executorOf(runner: QueryRunner, lane: Lane): ExecuteSql {
    return async (statement) => {
      const { text, parameters } = statement.render(this.dialect.placeholder);
      const answer = this.withStatementTimeout(runner, runner.query(text, parameters, true), lane);
      const { records = [], affected = 0 } = await answer;
      const [first] = records; // several statements in one are answered by a list of results
      return { records: Array.isArray(first) ? first : records, affected };
    };
  }

  protected async withRetries<T>(work: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + RETRY_TIMEOUT_MS;
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (performance.now() > giveUpAt || !isTransient(this.dialect, error)) throw withoutValues(error);
        await sleep(Math.random() * Math.min(10 * tries, 100));
      }
    }
  }
}

/** Ends the transaction for the handler, once its work has settled. */
export async function finishHandlerWork<T>(transaction: HandlerTransaction, work: Promise<T>): Promise<T> {
  const result = await work.finally(() => transaction.end());
  if (transaction.isNested) throw unfinished();
  await transaction.settled();
  if (transaction.hasFailedLate) throw notAwaited();
  return result;
}

/** Releases the query runner once the work has settled. */
export async function withQueryRunner<T>(
  dataSource: DataSource,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner('master');
  try {
    return await work(runner);
  } finally {
    await runner.release();
  }
}

function notAwaited(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'A statement failed that the handler had begun with its manager and not awaited. Await every write before returning.',
  );
}

function unfinished(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'The handler returned while a transaction that it had begun with its manager was open. Await manager.transaction() before returning.',
  );
}
