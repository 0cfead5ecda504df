import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';
import type { Dialect, RunSql, SqlResult } from './dialect/dialect.js';
import { isTransient } from './failures.js';
import type { Sql } from './sql.js';
import { tablesOf, type Tables } from './tables.js';

const MAX_TRIES = 50;

/**
 * How the inbox talks to its database: one statement, or several in a transaction. A deadlock or a busy file is waited
 * out without blocking the event loop.
 *
 * SQLite has one connection, so there the work goes one at a time.
 */
export class InboxConnection {
  readonly tables: Tables;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    readonly dialect: Dialect,
    /** The host's connection, for reading: what is uncommitted on ours is not seen there. */
    readonly reader: DataSource,
    private readonly mode: { oneAtATime: boolean },
  ) {
    this.tables = tablesOf(dataSource);
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

  /** As `transaction()`, run once, in the host's isolation level, with a manager for the host's own writes. */
  handlerTransaction<T>(work: (run: RunSql, runner: QueryRunner) => Promise<T>): Promise<T> {
    return this.inTransaction((runner) => work(this.on(runner), runner));
  }

  async close(): Promise<void> {
    if (this.dataSource !== this.reader) await this.serialized(() => this.dataSource.destroy());
  }

  private inTransaction<T>(work: (runner: QueryRunner) => Promise<T>, isolation?: Dialect['isolation']): Promise<T> {
    return this.withRunner(async (runner) => {
      await runner.startTransaction(isolation);
      try {
        const result = await work(runner);
        await runner.commitTransaction();
        return result;
      } catch (error) {
        await runner.rollbackTransaction().catch(() => {}); // the first error is the cause
        throw error;
      }
    });
  }

  private withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return this.serialized(async () => {
      const runner = this.dataSource.createQueryRunner();
      try {
        return await work(runner);
      } finally {
        await runner.release();
      }
    });
  }

  private serialized<T>(work: () => Promise<T>): Promise<T> {
    if (!this.mode.oneAtATime) return work();
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  private on(runner: QueryRunner): RunSql {
    return async (statement) => {
      const { text, parameters } = statement.render(this.dialect.placeholder);
      const { records = [], affected = 0 } = await runner.query(text, parameters, true);
      return { records, affected };
    };
  }

  private async retrying<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (tries === MAX_TRIES || !isTransient(this.dialect, error)) throw error;
        await sleep(Math.random() * Math.min(10 * tries, 100));
      }
    }
  }
}
