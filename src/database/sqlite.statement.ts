import { BoundedMap } from '../concurrency/bounded-map.js';
import { NOTHING, type StatementStep } from './database.connection.js';
import type { SqlResult } from './dialect/dialect.js';
import { raw, type Sql } from './sql.js';

/** A database of better-sqlite3. It runs a statement at once, with the event loop stopped. */
export interface SqliteHandle {
  readonly inTransaction: boolean;
  prepare(text: string): SqliteStatement;
  exec(text: string): unknown;
}

interface SqliteStatement {
  readonly reader: boolean;
  all(...parameters: unknown[]): unknown[];
  run(...parameters: unknown[]): { changes: number; lastInsertRowid: number | bigint };
}

/** Result of a statement, as TypeORM's runner for better-sqlite3 gives it. */
export interface SqliteResult {
  readonly raw: unknown;
  readonly records?: unknown[];
  readonly affected?: number;
}

/** Most statements that are kept. Inserts have as many texts as a batch may have rows, and there are handlers' own. */
export const MAX_STATEMENTS = 1_000;

/**
 * Keeps what it has prepared. That spares preparing it again, and on Node 24 the driver may end the process when a
 * statement is collected as garbage.
 */
export class CachingHandle implements SqliteHandle {
  readonly #statements = new BoundedMap<string, SqliteStatement>(MAX_STATEMENTS);

  constructor(readonly handle: SqliteHandle) {}

  get inTransaction(): boolean {
    return this.handle.inTransaction;
  }

  prepare(text: string): SqliteStatement {
    const known = this.#statements.get(text);
    if (known) return known;
    const statement = this.handle.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  exec(text: string): unknown {
    return this.handle.exec(text);
  }
}

/** Runs a statement, and returns its result as TypeORM's runner does. */
export function runStatement(handle: SqliteHandle, text: string, parameters: readonly unknown[]): SqliteResult {
  const statement = handle.prepare(text);
  const values = parameters.map((value) => (typeof value === 'boolean' ? Number(value) : value));
  if (statement.reader) {
    const records = statement.all(...values);
    return { raw: records, records };
  }
  const { changes, lastInsertRowid } = statement.run(...values);
  return { raw: lastInsertRowid, affected: changes };
}

/**
 * Runs a transaction from its begin to its commit, with the event loop stopped. A host's own transaction on the same
 * connection, in memory, stays open.
 */
export function runTransactionSync(
  handle: SqliteHandle,
  steps: readonly StatementStep[],
  run: (statement: Sql) => SqlResult,
) {
  const [begin, commit, rollBack] = handle.inTransaction
    ? ['SAVEPOINT inbox', 'RELEASE inbox', 'ROLLBACK TO inbox; RELEASE inbox']
    : ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'];
  const results: SqlResult[] = [];
  run(raw(begin));
  try {
    for (const step of steps) {
      const statement = step(results);
      results.push(statement ? run(statement) : NOTHING);
    }
    run(raw(commit));
    return results;
  } catch (error) {
    if (handle.inTransaction) handle.exec(rollBack); // SQLite may have rolled back by itself
    throw error;
  }
}
