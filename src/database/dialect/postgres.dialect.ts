import { withTimeout } from '../../concurrency/with-timeout.js';
import { raw, sql } from '../sql.js';
import type { Dialect } from './dialect.js';
import { onConflictDoUpdate } from './upsert.js';

/** Longest time that the end of a session is waited for. */
const TERMINATE_TIMEOUT_MS = 2_000;

interface TypeOrmRunner {
  releasePostgresConnection(error: Error): Promise<void>;
}

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
  async discard(runner) {
    const session = (await runner.connect().catch(() => undefined)) as { processID: number } | undefined;
    if (session) {
      // A session that waits for a lock does not notice that its client has gone, and keeps its own locks.
      const terminated = runner.connection.query('SELECT pg_terminate_backend($1)', [session.processID]);
      await withTimeout(terminated, TERMINATE_TIMEOUT_MS).catch(() => {}); // it may have ended by itself
    }
    // As TypeORM does when the driver reports a lost connection: the pool drops it.
    await (runner as unknown as TypeOrmRunner).releasePostgresConnection(new Error('The connection was ended.'));
  },
  hasRolledBack: () => Promise.resolve(false), // the server refuses everything until the end of the transaction
  isTransient: (code) => code === '40P01' || code === '40001',
  isUnavailable: (code) => /^(08|53|57P|58|25006)/.test(code),
  async durabilityProblems(execute) {
    const { records } = await execute(
      sql`SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') AND setting = 'off'`,
    );
    return records.map(({ name }) => `PostgreSQL runs with ${String(name)} = off. Set it to on.`);
  },
};
