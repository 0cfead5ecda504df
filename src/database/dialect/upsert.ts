import { raw, sql } from '../sql.js';
import type { Dialect } from './dialect.js';

/** Upsert of PostgreSQL and SQLite. */
export const onConflictDoUpdate = {
  insertInto: (table) => sql`INSERT INTO ${table} AS stored`,
  onConflict: (keyColumns, assignments) => sql`ON CONFLICT (${raw(keyColumns)}) DO UPDATE SET ${assignments}`,
  onConflictDoNothing: (keyColumns) => sql`ON CONFLICT (${raw(keyColumns)}) DO NOTHING`,
  stored: (column) => raw(`stored.${column}`),
  incoming: (column) => raw(`excluded.${column}`),
} satisfies Partial<Dialect>;
