import type { Dialect } from '../../../src/database/dialect/dialect.js';
import { postgresDialect } from '../../../src/database/dialect/postgres.dialect.js';
import { sqliteDialect } from '../../../src/database/dialect/sqlite.dialect.js';
import { values } from '../../../src/database/dialect/values.js';
import { raw, sql } from '../../../src/database/sql.js';
import { SKIP_LOCKED } from './skip-locked.js';

/** Differs from that of PostgreSQL only where SQLite, which runs the statements, does not know its words. */
export const simulatedDialect: Dialect = {
  ...postgresDialect,
  rows: values,
  writesInQueries: false,
  isOneOf: sqliteDialect.isOneOf,
  isOneOfRows: sqliteDialect.isOneOfRows,
  estimateRows: sqliteDialect.estimateRows,
  skipLocked: raw(SKIP_LOCKED),
  now: raw('SELECT server_now() AS now'),
  locks: postgresDialect.locks && {
    take: postgresDialect.locks.take,
    takeAll: postgresDialect.locks.takeAll,
    isUnlocked: (table, which) => sql`EXISTS (SELECT 1 FROM ${table} WHERE ${which} ${raw(SKIP_LOCKED)})`,
  },
  durabilityProblems: () => Promise.resolve([]),
};
