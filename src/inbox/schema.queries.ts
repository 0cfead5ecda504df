import type { DatabaseConnection } from '../database/database.connection.js';
import { isUnavailable } from '../database/database.errors.js';
import { sql, type Sql } from '../database/sql.js';

/** Tells whether there is a table, whatever its columns. Rejects if the database fails. */
export async function hasTable(connection: DatabaseConnection, table: Sql): Promise<boolean> {
  const reading = connection.execute(sql`SELECT 1 FROM ${table} WHERE 1 = 0`).then(() => true);
  return reading.catch(unlessUnavailable(connection, false));
}

/** Takes an answer for an error of a statement, unless the error says that the database failed. */
export function unlessUnavailable<T>({ dialect }: DatabaseConnection, answer: T): (error: unknown) => T {
  return (error) => {
    if (isUnavailable(dialect, error)) throw error;
    return answer;
  };
}

/** Returns the tables of this name, with any prefix and in any schema that the user may read. */
export async function findTablesLike(
  connection: DatabaseConnection,
  name: string,
): Promise<{ place: string | undefined; name: string }[]> {
  const { records } = await connection.execute(connection.dialect.tablesEnding(name));
  return records.map(({ place, name: found }) => ({
    place: place === null ? undefined : String(place),
    name: String(found),
  }));
}
