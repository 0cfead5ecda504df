import { join, sql, type Sql } from '../sql.js';
import type { ColumnValues } from './dialect.js';

/** Returns rows as every database accepts them: each value is a parameter of its own. */
export function values(_: Sql, records: readonly ColumnValues[]): Sql {
  return sql`VALUES ${join(records.map((record) => sql`(${join(Object.values(record))})`))}`;
}
