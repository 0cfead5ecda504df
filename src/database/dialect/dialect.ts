import type { QueryRunner } from 'typeorm';
import type { Sql } from '../sql.js';

/** Runs one statement and returns its result. */
export type ExecuteSql = (statement: Sql) => Promise<SqlResult>;

export interface SqlResult {
  readonly records: Record<string, unknown>[];
  readonly affected: number;
}

/** Values of a row, by column. */
export type ColumnValues = Readonly<Record<string, string | number | null>>;

/** SQL and errors that differ between databases. All other SQL of the repositories is portable. */
export interface Dialect {
  /** Returns the n-th parameter as SQL, counted from 1. */
  placeholder(n: number): string;
  /** True if an INSERT can return rows. */
  readonly insertReturns: boolean;
  /** True if an UPDATE can return rows and take its ids from a limited subquery. */
  readonly updateReturns: boolean;
  /** Ends the SELECT of a claim. It skips rows that another worker is claiming. */
  readonly skipLocked: Sql;
  /** Isolation level of the inbox's own transactions; `undefined` for the database's default. */
  readonly isolation?: 'READ COMMITTED';
  /** Returns the rows of an INSERT. All records must have the same columns in the same order. */
  rows(table: Sql, records: readonly ColumnValues[]): Sql;
  /** Begins an INSERT. It makes the existing row available to `stored()`. */
  insertInto(table: Sql): Sql;
  /** Ends an INSERT with the assignments for an existing row with the same key. */
  onConflict(keyColumns: string, assignments: Sql): Sql;
  /** Returns a column of the existing row, for `onConflict()`. */
  stored(column: string): Sql;
  /** Returns a column of the row to insert, for `onConflict()`. */
  incoming(column: string): Sql;
  /** Selects `now`, the database's epoch milliseconds; `undefined` if the database has this machine's clock. */
  readonly now: Sql | undefined;
  /** Ends the connection of a query runner. Releasing it would pass it on as it is. */
  discard(runner: QueryRunner): Promise<void>;
  /** Statements that commit the transaction in which they run. Undefined where there are none. */
  readonly commitsImplicitly?: RegExp;
  /** Tells whether a failed statement has ended its whole transaction: the next one would be committed by itself. */
  hasRolledBack(runner: QueryRunner, failure: unknown): Promise<boolean>;
  /** Tells whether the same statement may succeed on a retry: a deadlock, a busy file. */
  isTransient(code: string): boolean;
  /** Tells whether the database itself failed: down, read-only, full. */
  isUnavailable(code: string): boolean;
  /** Returns the settings under which a commit may be lost, each with its remedy. */
  durabilityProblems(execute: ExecuteSql): Promise<string[]>;
}
