import { list, sql, type Sql } from '../sql.js';
import type { Row } from './dialect.js';

/** Rows as every database takes them: each value a parameter of its own. */
export function values(_: Sql, records: readonly Row[]): Sql {
  return sql`VALUES ${list(records.map((record) => sql`(${list(Object.values(record))})`))}`;
}
