import { join, sql, type Sql } from '../sql.js';
import type { ColumnValues } from './dialect.js';

/** Rows as every database takes them: each value a parameter of its own. */
export function values(_: Sql, records: readonly ColumnValues[]): Sql {
  return sql`VALUES ${join(records.map((record) => sql`(${join(Object.values(record))})`))}`;
}
