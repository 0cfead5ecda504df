import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { Semaphore } from '../concurrency/semaphore.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { isTransient } from './database.errors.js';
import type { Dialect, ExecuteSql, SqlResult } from './dialect/dialect.js';
import { HandlerTransaction } from './ended-transaction.guard.js';
import { sql, type Sql } from './sql.js';

/** Longest time for which a deadlock or a busy file is retried. */
const RETRY_TIMEOUT_MS = 10_000;
/** Longest time that a rollback may take. Its connection is then ended. */
const ROLLBACK_TIMEOUT_MS = 2_000;
/** Longest time that a database may take to answer that it is there. */
const REACHABLE_TIMEOUT_MS = 1_000;

/**
 * Connection of the inbox to its database, for single statements and for transactions. A deadlock or a busy file is
 * retried, without blocking the event loop.
 */
export abstract class DatabaseConnection {
  protected constructor(
    protected readonly dataSource: DataSource,
    readonly dialect: Dialect,
    /** The host's connection, for reading. It does not see what is uncommitted on ours. */
    readonly reader: DataSource,
    /** Limits the statements and transactions that have a connection at the same time. */
    protected readonly connections: Semaphore,
    /** Limits how many of these are transactions of handlers. */
    private readonly handlerTransactions: Semaphore,
  ) {}

  /**
   * Subscribes to rollbacks that may have undone what `executeOutsideQueue()` has written. The connection is not free
   * until the listener is done, so the listener may write with `executeOutsideQueue()` only.
   */
  abstract onRollback(listener: () => Promise<void>): void;

  /** Closes the connection if it is the inbox's own. Further calls do nothing. */
  abstract close(): Promise<void>;

  execute(statement: Sql): Promise<SqlResult> {
    return this.withRetries(() => this.withRunner((runner) => this.executorOf(runner)(statement)));
  }

  /**
   * Runs a statement without waiting for its turn. On SQLite it runs in whichever transaction is open. It is for lease
   * renewals: no other worker can rescue while that transaction locks the file.
   */
  executeOutsideQueue(statement: Sql): Promise<SqlResult> {
    return this.withRetries(() => this.onRunner((runner) => this.executorOf(runner)(statement)));
  }

  /**
   * Runs work in a transaction.
   *
   * @param work may run again from its start; its first statement must be a write, which takes SQLite's lock at once
   */
  transaction<T>(work: (execute: ExecuteSql) => Promise<T>): Promise<T> {
    return this.withRetries(() =>
      this.inTransaction((runner) => work(this.executorOf(runner)), this.dialect.isolation),
    );
  }

  /**
   * Runs work in a transaction, only once and in the host's isolation level. The manager is for the host's own writes.
   *
   * @throws Cr3dentialsWebhookError `NOT_TRANSACTIONAL` if work leaves a nested transaction open
   */
  handlerTransaction<T>(work: (execute: ExecuteSql, manager: EntityManager) => Promise<T>): Promise<T> {
    return this.handlerTransactions.run(() =>
      this.inTransaction(async (runner) => {
        const own = new HandlerTransaction(runner, this.dialect);
        const result = await work(this.executorOf(runner), own.manager).finally(() => own.end());
        if (own.isNested) throw unfinished();
        if (own.hasRolledBackNested) await this.afterRollback();
        return result;
      }),
    );
  }

  /** Tells whether the database answers within a second. Never throws. */
  async isReachable(): Promise<boolean> {
    const answer = this.execute(sql`SELECT 1`).then(() => true);
    return withTimeout(answer, REACHABLE_TIMEOUT_MS).catch(() => false);
  }

  /**
   * Rolls back, and leaves no transaction open: the next user of the connection would write into it and never be
   * committed. If the rollback fails or does not end in time, the connection is ended.
   */
  private async rollBack(runner: QueryRunner, isNested: boolean): Promise<void> {
    try {
      if (runner.isTransactionActive) await withTimeout(runner.rollbackTransaction(), ROLLBACK_TIMEOUT_MS);
      // Still active: TypeORM has lost count, or SQLite has rolled back by itself, as it does on a full disk.
      if (runner.isTransactionActive && !isNested) throw new Error('The transaction is still open.');
    } catch {
      if (!isNested) await this.dialect.discard(runner);
    }
    await this.afterRollback();
  }

  /** Repairs what a rollback has undone besides, where others write on the same connection. */
  protected abstract afterRollback(): Promise<void>;

  private inTransaction<T>(work: (runner: QueryRunner) => Promise<T>, isolation?: Dialect['isolation']): Promise<T> {
    return this.withRunner(async (runner) => {
      const isNested = runner.isTransactionActive; // in one of the host's, in memory
      try {
        await runner.startTransaction(isolation);
        const result = await work(runner);
        await runner.commitTransaction();
        if (runner.isTransactionActive && !isNested) throw unfinished(); // only a savepoint was released
        return result;
      } catch (error) {
        await this.rollBack(runner, isNested);
        throw error;
      }
    });
  }

  private withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return this.connections.run(() => this.onRunner(work));
  }

  private async onRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await work(runner);
    } finally {
      await runner.release();
    }
  }

  private executorOf(runner: QueryRunner): ExecuteSql {
    return async (statement) => {
      const { text, parameters } = statement.render(this.dialect.placeholder);
      const { records = [], affected = 0 } = await runner.query(text, parameters, true);
      return { records, affected };
    };
  }

  private async withRetries<T>(work: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + RETRY_TIMEOUT_MS;
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (performance.now() > giveUpAt || !isTransient(this.dialect, error)) throw error;
        await sleep(Math.random() * Math.min(10 * tries, 100));
      }
    }
  }
}

function unfinished(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'The handler returned while a transaction that it had begun with its manager was open. Await manager.transaction() before returning.',
  );
}
