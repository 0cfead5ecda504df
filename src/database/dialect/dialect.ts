import type { QueryRunner } from 'typeorm';
import type { Sql } from '../sql.js';

/** Runs one statement and answers what it returned. */
export type ExecuteSql = (statement: Sql) => Promise<SqlResult>;

export interface SqlResult {
  readonly records: Record<string, unknown>[];
  readonly affected: number;
}

/** Values by column. */
export type ColumnValues = Readonly<Record<string, string | number | null>>;

/** What a database does in its own way. Everything else the repositories say is portable. */
export interface Dialect {
  /** How the n-th parameter is written, counted from 1. */
  placeholder(n: number): string;
  /** Whether an INSERT can return rows. */
  readonly insertReturns: boolean;
  /** Whether an UPDATE can return rows and take its ids from a limited subquery. */
  readonly updateReturns: boolean;
  /** Ends the SELECT of a claim, so that rows another worker is claiming are passed over. */
  readonly skipLocked: Sql;
  /** Of the inbox's own transactions, where the database's default will not do. */
  readonly isolation?: 'READ COMMITTED';
  /** The rows of an INSERT, each with the same columns in the same order. */
  rows(table: Sql, records: readonly ColumnValues[]): Sql;
  /** Begins an INSERT whose existing row `stored()` can name. */
  insertInto(table: Sql): Sql;
  /** Ends an INSERT: what happens to an existing row with the same key. */
  onConflict(keyColumns: string, assignments: Sql): Sql;
  /** A column of the row that is there already; for use in `onConflict()`. */
  stored(column: string): Sql;
  /** A column of the row that was to be inserted; for use in `onConflict()`. */
  incoming(column: string): Sql;
  /** Selects `now`, the database's epoch milliseconds; nothing where the database has this machine's clock. */
  readonly now: Sql | undefined;
  /** Ends the connection of a query runner, where releasing it would give it to the next as it is. */
  discard(runner: QueryRunner): Promise<void>;
  /** Statements that commit the transaction in which they run. Undefined where there are none. */
  readonly commitsImplicitly?: RegExp;
  /** Tells whether a failed statement has ended its whole transaction: the next one would be committed by itself. */
  hasRolledBack(runner: QueryRunner, failure: unknown): Promise<boolean>;
  /** Whether the same statement may succeed when it is simply run again: a deadlock, a busy file. */
  isTransient(code: string): boolean;
  /** Whether the database is what failed: down, read-only, full. */
  isUnavailable(code: string): boolean;
  /** Settings under which a commit may be lost, each with its remedy. */
  durabilityProblems(execute: ExecuteSql): Promise<string[]>;
}
