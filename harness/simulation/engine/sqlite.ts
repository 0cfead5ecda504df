/** Part of a database of better-sqlite3 that is used. It has no types of its own. */
export interface SqliteDatabase {
  readonly inTransaction: boolean;
  prepare(text: string): SqliteStatement;
  exec(text: string): unknown;
  pragma(text: string): unknown;
  function(name: string, options: object, implementation: (...args: unknown[]) => unknown): unknown;
}

export interface SqliteStatement {
  /** True if it returns rows. */
  readonly reader: boolean;
  readonly readonly: boolean;
  all(...parameters: unknown[]): unknown[];
  get(...parameters: unknown[]): unknown;
  run(...parameters: unknown[]): { changes: number };
  raw(): this;
}
