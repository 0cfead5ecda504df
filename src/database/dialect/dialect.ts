import type { QueryRunner } from 'typeorm';
import type { Sql } from '../sql.js';

/** Runs one statement and returns its result. */
export type ExecuteSql = (statement: Sql) => Promise<SqlResult>;

export interface SqlResult {
  readonly records: Record<string, unknown>[];
  readonly affected: number;
}

/** A session at the server. */
export interface ServerSession {
  readonly id: number;
  readonly identity: unknown;
}

/** Values of a row, by column. */
export type ColumnValues = Readonly<Record<string, string | number | null>>;

/** SQL and errors that differ between databases. All other SQL of the repositories is portable. */
export interface Dialect {
  /** Returns the n-th parameter as SQL, counted from 1. */
  placeholder(n: number): string;
  /** True if other machines reach it. */
  readonly isServer: boolean;
  /** True if an INSERT can return rows. */
  readonly insertReturns: boolean;
  /** True if an UPDATE can return rows and take its ids from a limited subquery. */
  readonly updateReturns: boolean;
  /** True if a query can contain an INSERT or UPDATE that returns rows. */
  readonly writesInQueries: boolean;
  /** Most bytes of text that one statement inserts, unless a single row has more. */
  readonly maxBatchBytes: number;
  /** Transactions of several statements in one round trip. Undefined where each statement takes one. */
  readonly compound?: {
    /** Runs statements in a transaction, as `withoutWaiting()` does. Returns the rows of the last. */
    run(statements: readonly Sql[]): Sql;
    /** Returns the rows of an INSERT as a query, which a condition on the columns can follow. */
    rows(records: readonly ColumnValues[]): Sql;
  };
  /** Condition that a column is one of any number of values, at least one. */
  isOneOf(column: string, values: readonly string[]): Sql;
  /** Condition that a column is one of the rows of a query, which is run once. */
  isOneOfRows(column: string, query: Sql): Sql;
  /** Condition that the first column of an index has a value, where its second one has a range or an order. */
  isAt(column: string, value: string): Sql;
  /** True if `DISTINCT` makes one step in an index for each value. Others read every entry, and take steps themselves. */
  readonly distinctSkips?: true;
  /** Selects `n`, the number of rows of a table as far as the database knows it without counting them. */
  estimateRows(table: Sql): Sql;
  /**
   * Selects `place`, the schema where the database has several, and `name` of the tables whose name ends like this, with
   * any prefix. Those of all schemas that the user may read.
   */
  tablesEnding(name: string): Sql;
  /** Ends the SELECT of a claim. It skips rows that another worker is claiming. */
  readonly skipLocked: Sql;
  /** Statements that set up the session of each new connection of the inbox. */
  readonly session: readonly string[];
  /** Sets up each transaction of the inbox, where the session cannot be. Each statement then is a transaction. */
  readonly transactionSettings?: Sql;
  /** Returns the rows of an INSERT. All records must have the same columns in the same order. */
  rows(table: Sql, records: readonly ColumnValues[]): Sql;
  /** Begins an INSERT. It makes the existing row available to `stored()`. */
  insertInto(table: Sql): Sql;
  /** Ends an INSERT with the assignments for an existing row with the same key. */
  onConflict(keyColumns: string, assignments: Sql): Sql;
  /** Ends an INSERT that leaves an existing row with the same key as it is. */
  onConflictDoNothing(keyColumns: string): Sql;
  /** Returns a column of the existing row, for `onConflict()`. */
  stored(column: string): Sql;
  /** Returns a column of the row to insert, for `onConflict()`. */
  incoming(column: string): Sql;
  /** Selects `now`, the database's epoch milliseconds; `undefined` if the database has this machine's clock. */
  readonly now: Sql | undefined;
  /**
   * Ends the connection of a query runner on this side, or as soon as it is made. Resolves at once, and leaves the
   * runner released. On SQLite the connection stays, because the file has no other: it only rolls back.
   */
  disconnect(runner: QueryRunner): Promise<void>;
  /** Number of the session of a query runner at the server. Undefined before it has one, and without a server. */
  sessionId(runner: QueryRunner): number | undefined;
  /**
   * Selects `identity` of the session it runs in, which tells that session from a later one with the same number: after
   * a restart, a failover, or once the number is given again. Undefined where sessions cannot be ended.
   */
  readonly sessionIdentity?: Sql;
  /**
   * Ends a session at the server, and none that has its number by now.
   *
   * @param from identity of the session that ends it
   * @returns undefined if it is known to have ended
   */
  endSession(session: ServerSession, from: unknown): Sql | undefined;
  /**
   * Wraps an INSERT or UPDATE, so that it fails at once with `isLocked()` where another transaction holds a row.
   * Elsewhere it waits as long as the session says.
   */
  withoutWaiting(statement: Sql): Sql;
  /** Locks beside those of rows. Undefined where `withoutWaiting()` does as well. */
  readonly locks?: {
    /**
     * Condition that takes a lock of this name, and a share of that of its group, until the end of the transaction. It
     * is false, without waiting, while another transaction has the lock, or the whole group.
     */
    take(name: string, group: string): Sql;
    /** Condition that takes the lock of a whole group. It is false while another transaction has a lock of it. */
    takeAll(group: string): Sql;
    /** Condition on an UPDATE that no other transaction has locked its row. */
    isUnlocked(table: Sql, which: Sql): Sql;
  };
  /**
   * Expression for the id of the transaction, as text, which tells it from one that follows. Undefined where a
   * savepoint has to tell.
   */
  readonly transactionId?: Sql;
  /** Statements that commit the transaction in which they run. Undefined where there are none. */
  readonly commitsImplicitly?: RegExp;
  /** Tells whether a failed statement has ended its whole transaction: the next one would be committed by itself. */
  hasRolledBack(runner: QueryRunner, failure: unknown): Promise<boolean>;
  /** Tells whether the same statement may succeed on a retry: a deadlock, a busy file. */
  isTransient(code: string): boolean;
  /** Tells whether another transaction holds a row, which was not waited for. */
  isLocked(code: string): boolean;
  /** Tells whether the database itself failed: down, read-only, full. */
  isUnavailable(code: string): boolean;
  /** Takes what was overwritten out of the log of writes. Undefined where the server does it on its own schedule. */
  readonly truncateWal?: Sql;
  /** Tells whether the session takes no writes. It may be one of a former primary. */
  isReadOnly(code: string): boolean;
  /** Returns statements of one transaction, the last of which is the query, that the server ends after this time. */
  withTimeLimit(query: Sql, milliseconds: number): readonly Sql[];
  /**
   * Tells whether a query was ended because of its limit.
   *
   * @param number number of the error, for a driver that does not know its name
   */
  hasReachedLimit(code: string, number: unknown): boolean;
  /** Selects a row if the database takes writes. */
  readonly isWritable: Sql;
  /** Returns the settings under which a commit may be lost, each with its remedy. */
  durabilityProblems(execute: ExecuteSql): Promise<string[]>;
}
