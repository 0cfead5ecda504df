import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { Dialect, RunSql, SqlResult } from './dialect/dialect.js';
import { within } from '../deadline.js';
import { endingManager } from './ending-transaction.js';
import { isTransient } from './failures.js';
import { sql, type Sql } from './sql.js';
import { tablesOf, type Tables } from './tables.js';
import { Turns } from './turns.js';

/** How long a deadlock or a busy file is waited out. */
const PATIENCE = 10_000;
/** Connections of the host's pool that handlers' transactions leave free, so that receiving goes on. */
const KEPT_FREE = 4;

/**
 * How the inbox talks to its database: one statement, or several in a transaction. A deadlock or a busy file is waited
 * out without blocking the event loop.
 */
export class InboxConnection {
  readonly tables: Tables;
  /** On SQLite a rollback undoes what `runAtOnce()` has written meanwhile: to be written again before anything else. */
  afterRollback: () => Promise<void> = () => Promise.resolve();
  /** SQLite has one connection, so there everything goes one at a time. */
  readonly #connections: Turns;
  readonly #handlerTransactions: Turns;

  constructor(
    private readonly dataSource: DataSource,
    readonly dialect: Dialect,
    /** The host's connection, for reading: what is uncommitted on ours is not seen there. */
    readonly reader: DataSource,
    connections: number,
  ) {
    this.tables = tablesOf(dataSource);
    this.#connections = new Turns(connections);
    this.#handlerTransactions = new Turns(Math.max(1, connections - KEPT_FREE));
  }

  describeTables(): string {
    return Object.values(this.tables)
      .map(({ strings }: Sql) => strings.join(''))
      .join(', ');
  }

  run(statement: Sql): Promise<SqlResult> {
    return this.retrying(() => this.withRunner((runner) => this.on(runner)(statement)));
  }

  /** @param work may run again from its start; its first statement must be a write, which takes SQLite's lock at once */
  transaction<T>(work: (run: RunSql) => Promise<T>): Promise<T> {
    return this.retrying(() => this.inTransaction((runner) => work(this.on(runner)), this.dialect.isolation));
  }

  /** Whether the database answers at all, now. */
  async answers(): Promise<boolean> {
    const question = this.run(sql`SELECT 1`).then(() => true);
    return within(1_000, question, () => new Error('late')).catch(() => false);
  }

  /** As `transaction()`, run once, in the host's isolation level, with a manager for the host's own writes. */
  handlerTransaction<T>(work: (run: RunSql, manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#handlerTransactions.take(() =>
      this.inTransaction(async (runner) => {
        const { manager, end } = endingManager(runner);
        return work(this.on(runner), manager).finally(end);
      }),
    );
  }

  /**
   * Runs a statement without waiting for its turn: on SQLite within whichever transaction is open. For renewing leases,
   * which nobody can take over for as long as that transaction keeps the file locked.
   */
  runAtOnce(statement: Sql): Promise<SqlResult> {
    return this.retrying(() => this.onRunner((runner) => this.on(runner)(statement)));
  }

  /** An application may be closed twice. */
  async close(): Promise<void> {
    if (this.dataSource === this.reader) return;
    await this.#connections.take(async () => {
      if (this.dataSource.isInitialized) await this.dataSource.destroy();
    });
  }

  private inTransaction<T>(work: (runner: QueryRunner) => Promise<T>, isolation?: Dialect['isolation']): Promise<T> {
    return this.withRunner(async (runner) => {
      const isNested = runner.isTransactionActive; // in one of the host's, in memory
      await runner.startTransaction(isolation);
      try {
        const result = await work(runner);
        await runner.commitTransaction();
        return result;
      } catch (error) {
        await runner.rollbackTransaction().catch(() => {}); // the first error is the cause
        if (this.dialect.oneConnection) {
          if (runner.isTransactionActive && !isNested) await this.beginAfresh(runner);
          await this.afterRollback();
        }
        throw error;
      }
    });
  }

  /**
   * SQLite rolls back by itself when a commit fails, on a full disk say. TypeORM does not notice, and would take the
   * next transaction for a part of that one: acknowledged, and never committed.
   */
  private async beginAfresh(runner: QueryRunner): Promise<void> {
    await runner.query('ROLLBACK').catch(() => {}); // there is nothing to roll back, as a rule
    (this.dataSource.driver as { queryRunner?: QueryRunner }).queryRunner = undefined;
  }

  private withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return this.#connections.take(() => this.onRunner(work));
  }

  private async onRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await work(runner);
    } finally {
      await runner.release();
    }
  }

  private on(runner: QueryRunner): RunSql {
    return async (statement) => {
      const { text, parameters } = statement.render(this.dialect.placeholder);
      const { records = [], affected = 0 } = await runner.query(text, parameters, true);
      return { records, affected };
    };
  }

  private async retrying<T>(work: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + PATIENCE;
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
