import { raw, sql } from '../sql.js';
import type { Dialect } from './dialect.js';
import { onConflictDoUpdate } from './upsert.js';

export const postgresDialect: Dialect = {
  ...onConflictDoUpdate,
  placeholder: (n) => `$${n}`,
  insertReturns: true,
  // One parameter and one text for any number of rows: one for each value is a third more work for server and driver.
  rows: (table, records) =>
    sql`SELECT ${raw(Object.keys(records[0] ?? {}).join(', '))} FROM json_populate_recordset(NULL::${table}, ${JSON.stringify(records)})`,
  updateReturns: true,
  skipLocked: raw('FOR UPDATE SKIP LOCKED'),
  now: raw('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now'),
  // TypeORM does the same when the driver reports a lost connection: the pool drops it.
  discard: (runner) =>
    (runner as unknown as { releasePostgresConnection(error: Error): Promise<void> }).releasePostgresConnection(
      new Error('The connection cannot be used any more.'),
    ),
  isTransient: (code) => code === '40P01' || code === '40001',
  isUnavailable: (code) => /^(08|53|57P|58|25006)/.test(code),
  async durabilityProblems(execute) {
    const { records } = await execute(
      sql`SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') AND setting = 'off'`,
    );
    return records.map(({ name }) => `PostgreSQL runs with ${String(name)} = off. Set it to on.`);
  },
};
