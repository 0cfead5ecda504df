import type { DatabaseConnection } from './database.connection.js';
import type { SqlResult } from './dialect/dialect.js';
import type { Lane } from './lanes.js';
import { raw, sql, type Sql } from './sql.js';

/** Rows to update, and how. */
interface Change {
  readonly set: Sql;
  readonly where: Sql;
  /** Column that tells the rows apart. */
  readonly key: string;
}

/**
 * Updates the rows that no other transaction has locked. Returns their keys. Nobody waits for a row that somebody holds
 * in a console.
 */
export async function updateUnlocked(
  connection: DatabaseConnection,
  table: Sql,
  { set, where, key }: Change,
  lane?: Lane,
): Promise<Set<string>> {
  const { updateReturns, skipLocked, isOneOf } = connection.dialect;
  const unlocked = sql`SELECT ${raw(key)} FROM ${table} WHERE ${where} ${skipLocked}`;
  const update = sql`UPDATE ${table} SET ${set} WHERE`;
  if (updateReturns)
    return keysOf(
      await connection.execute(
        sql`${update} ${connection.dialect.isOneOfRows(key, unlocked)} RETURNING ${raw(key)}`,
        lane,
      ),
      key,
    );
  const [chosen] = await connection.transactionOf(
    [
      () => unlocked,
      ([rows]) =>
        rows && rows.records.length > 0 ? sql`${update} ${isOneOf(key, [...keysOf(rows, key)])}` : undefined,
    ],
    lane,
  );
  return keysOf(chosen, key);
}

export function keysOf(result: SqlResult | undefined, key: string): Set<string> {
  return new Set(result?.records.map((row) => String(row[key])));
}
