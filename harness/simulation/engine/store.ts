import { StatementError, type StatementResult } from './engine.js';
import type { SqliteDatabase, SqliteStatement } from './sqlite.js';

type Value = string | number | bigint | null;

/** A row that a statement has written. */
export interface TouchedRow {
  readonly table: string;
  readonly key: readonly Value[];
  /** Names of the locks that its writer needs: its key, and for a row that comes or goes its unique values too. */
  readonly locks: readonly string[];
}

/** State of a row; `undefined` if it was deleted. */
export type RowImage = readonly Value[] | undefined;

/** Requests of statements to the server. */
export interface ServerFunctions {
  isFree(table: string, key: string): boolean;
  takeLock(name: string): boolean;
  transactionId(): number;
  takeSharedLock(name: string): boolean;
  now(): number;
}

interface TableShape {
  readonly key: readonly string[];
  readonly read: SqliteStatement;
  readonly replace: SqliteStatement;
  readonly delete: SqliteStatement;
}

const CONTROL = { begin: 'BEGIN', commit: 'COMMIT', rollback: 'ROLLBACK' } as const;

/** The committed state of all tables, in memory. It tells which rows each statement writes. */
export class Store {
  readonly #statements = new Map<string, SqliteStatement>();
  readonly #shapes = new Map<string, TableShape>();
  #touched: TouchedRow[] = [];
  #isApplying = false;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly functions: ServerFunctions,
  ) {
    this.db.function('row_touched', { varargs: true }, (...args: unknown[]) => this.#touch(args as Value[]));
    this.db.function('is_free', { deterministic: false }, (table, key) =>
      Number(this.functions.isFree(String(table), String(key))),
    );
    this.db.function('pg_try_advisory_xact_lock', { deterministic: false }, (name) =>
      Number(this.functions.takeLock(String(name))),
    );
    this.db.function('pg_current_xact_id', { deterministic: false }, () => this.functions.transactionId());
    this.db.function('pg_try_advisory_xact_lock_shared', { deterministic: false }, (name) =>
      Number(this.functions.takeSharedLock(String(name))),
    );
    this.db.function('server_now', { deterministic: false }, () => this.functions.now());
    const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).all();
    for (const { name } of tables as { name: string }[]) this.#watch(name);
  }

  get tables(): string[] {
    return [...this.#shapes.keys()];
  }

  keyOf(table: string): readonly string[] {
    return this.#shape(table).key;
  }

  begin(): void {
    this.#prepare(CONTROL.begin).run();
  }

  commit(): void {
    this.#prepare(CONTROL.commit).run();
  }

  rollback(): void {
    if (this.db.inTransaction) this.#prepare(CONTROL.rollback).run();
  }

  /** Runs a statement, and returns the rows that it has written. */
  run(text: string, parameters: readonly unknown[]): { result: StatementResult; touched: TouchedRow[] } {
    this.#touched = [];
    try {
      const statement = this.#prepare(text);
      const values = Object.fromEntries(parameters.map((value, index) => [String(index + 1), toValue(value)]));
      const command = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? '';
      if (statement.reader) {
        const rows = statement.all(values) as Record<string, unknown>[];
        return { result: { rows, rowCount: rows.length, command }, touched: this.#touched };
      }
      const { changes } = statement.run(values);
      return { result: { rows: [], rowCount: changes, command }, touched: this.#touched };
    } catch (error) {
      throw toStatementError(error);
    }
  }

  /** Reads a row as it is now. */
  imageOf({ table, key }: TouchedRow): RowImage {
    return this.#shape(table).read.get(...key) as RowImage;
  }

  /** Writes a row as it was read. */
  apply({ table, key }: TouchedRow, image: RowImage): void {
    const shape = this.#shape(table);
    this.#isApplying = true;
    try {
      if (image) shape.replace.run(...image);
      else shape.delete.run(...key);
    } finally {
      this.#isApplying = false;
    }
  }

  #touch([table, isWhole, keySize, ...values]: Value[]): null {
    if (this.#isApplying) return null;
    const key = values.slice(0, Number(keySize));
    const unique = isWhole ? values.slice(Number(keySize)).filter((value) => value !== null) : [];
    const name = String(table);
    this.#touched.push({
      table: name,
      key,
      locks: [lockOf(name, key), ...unique.map((value, index) => `${name} unique ${index} ${value}`)],
    });
    return null;
  }

  /** Makes triggers that report each row of a table that is written. */
  #watch(table: string): void {
    const columns = this.db.pragma(`table_info("${table}")`) as { name: string; pk: number }[];
    const key = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
    const unique = this.#uniqueColumns(table).filter((name) => !key.includes(name));
    const call = (row: string, isWhole: 0 | 1) =>
      `SELECT row_touched('${table}', ${isWhole}, ${key.length}, ${[...key, ...unique].map((name) => `${row}."${name}"`).join(', ')})`;
    const trigger = (operation: string, body: string) =>
      this.db.exec(`CREATE TRIGGER "${table}_${operation}" AFTER ${operation} ON "${table}" BEGIN ${body}; END`);
    trigger('insert', call('NEW', 1));
    trigger('update', call('NEW', 0));
    trigger('delete', call('OLD', 1));
    const where = key.map((name) => `"${name}" = ?`).join(' AND ');
    this.#shapes.set(table, {
      key,
      read: this.db.prepare(`SELECT * FROM "${table}" WHERE ${where}`).raw(),
      replace: this.db.prepare(`REPLACE INTO "${table}" VALUES (${columns.map(() => '?').join(', ')})`),
      delete: this.db.prepare(`DELETE FROM "${table}" WHERE ${where}`),
    });
  }

  #uniqueColumns(table: string): string[] {
    const indexes = this.db.pragma(`index_list("${table}")`) as { name: string; unique: number; partial: number }[];
    return indexes
      .filter(({ unique }) => unique === 1)
      .map(({ name }) => this.db.pragma(`index_info("${name}")`) as { name: string }[])
      .flatMap((columns) => (columns.length === 1 ? columns.map(({ name }) => name) : []));
  }

  #shape(table: string): TableShape {
    const shape = this.#shapes.get(table);
    if (!shape) throw new Error(`There is no table ${table}.`);
    return shape;
  }

  #prepare(text: string): SqliteStatement {
    let statement = this.#statements.get(text);
    if (!statement) {
      // SQLite plans a statement anew for each pattern that is bound.
      statement = this.db.prepare(text.replaceAll(/LIKE (\$\d+)/g, "LIKE ($1 || '')"));
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

/** Name of the lock of a row. */
export function lockOf(table: string, key: readonly Value[]): string {
  return `${table} ${key.join(' ')}`;
}

function toValue(value: unknown): unknown {
  if (value === undefined) return null;
  return typeof value === 'boolean' ? Number(value) : value;
}

/** Gives an error of SQLite the code that PostgreSQL has for it. */
function toStatementError(error: unknown): Error {
  // Not `instanceof`: the driver of SQLite is loaded once, for every realm of a test runner.
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  if (String(code).startsWith('SQLITE_CONSTRAINT')) return new StatementError('23505', String(message));
  return new StatementError('42601', `${String(message)} (${String(code)})`);
}
