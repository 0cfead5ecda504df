import { createHash } from 'node:crypto';
import type { QueryRunner } from 'typeorm';
import { join, raw, sql } from '../sql.js';
import type { Dialect } from './dialect.js';
import { onConflictDoUpdate } from './upsert.js';

/** Milliseconds. What is locked is left for later, and what a client has left behind does not keep its locks. */
export const POSTGRES_SESSION = {
  lock_timeout: 200,
  statement_timeout: 60_000,
  idle_in_transaction_session_timeout: 60_000,
} as const;

/** Microseconds, whatever the time zone of the session. The system gives process ids again. */
const STARTED_AT = raw('(extract(epoch FROM backend_start) * 1000000)::bigint');

/** Fields of TypeORM's runner that hold a connection of the driver. */
type Runner = Omit<QueryRunner, 'isReleased'> & {
  isReleased: boolean;
  databaseConnection?: { processID: number };
  releasePostgresConnection(error: Error): Promise<void>;
};

export const postgresDialect: Dialect = {
  ...onConflictDoUpdate,
  placeholder: (n) => `$${n}`,
  isServer: true,
  insertReturns: true,
  maxBatchBytes: 1024 * 1024,
  // One parameter and one text for any number of rows: one for each value is a third more work for server and driver.
  rows: (table, records) =>
    sql`SELECT ${raw(Object.keys(records[0] ?? {}).join(', '))} FROM json_populate_recordset(NULL::${table}, ${JSON.stringify(records)})`,
  updateReturns: true,
  writesInQueries: true,
  // One parameter for any number of values.
  isOneOf: (column, list) => sql`${raw(column)} = ANY (${list})`,
  // Not IN: the planner may run the query again for each row, which then claims the next ones each time.
  isOneOfRows: (column, query) => sql`${raw(column)} = ANY (ARRAY(${query}))`,
  isAt: (column, value) => sql`${raw(column)} = ${value}`,
  // As the planner does: the rows of the last ANALYZE, in proportion to the pages now.
  estimateRows: (table) =>
    sql`SELECT (greatest(reltuples, 0) / greatest(relpages, 1) * pg_relation_size(oid) / current_setting('block_size')::int)::bigint AS n
        FROM pg_class WHERE oid = ${table.strings.join('')}::regclass`,
  tablesEnding: (name) =>
    sql`SELECT table_schema AS place, table_name AS name FROM information_schema.tables
        WHERE right(CAST(table_name AS text), ${name.length}) = ${name} ORDER BY 1, 2`,
  skipLocked: raw('FOR UPDATE SKIP LOCKED'),
  now: raw('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now'),
  session: [], // given when it is opened: a pooler between us may pass a session on, with what was set in it
  async disconnect(runner) {
    const postgres = runner as Runner;
    // As TypeORM does when the driver reports a lost connection: the pool drops it.
    const drop = () => postgres.releasePostgresConnection(new Error('The connection was ended.'));
    if (postgres.databaseConnection) return drop();
    await postgres.release();
    const dropLate = () => {
      postgres.isReleased = false; // else TypeORM would keep what came after the release
      return drop();
    };
    postgres.connect().then(dropLate, () => {}); // or it was never made
  },
  sessionId: (runner) => (runner as Runner).databaseConnection?.processID,
  sessionIdentity: sql`SELECT ${STARTED_AT} AS identity FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
  endSession: ({ id, identity }) =>
    sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ${id} AND ${STARTED_AT} = ${identity}`,
  withoutWaiting: (statement) => statement, // its session waits no longer than `lock_timeout`
  locks: {
    take: (name, group) =>
      sql`pg_try_advisory_xact_lock_shared(${lockKey(group)}) AND pg_try_advisory_xact_lock(${lockKey(name)})`,
    takeAll: (group) => sql`pg_try_advisory_xact_lock(${lockKey(group)})`,
    isUnlocked: (table, which) => sql`ctid IN (SELECT ctid FROM ${table} WHERE ${which} FOR UPDATE SKIP LOCKED)`,
  },
  transactionId: raw('CAST(pg_current_xact_id() AS text)'),
  hasRolledBack: () => Promise.resolve(false), // the server refuses everything until the end of the transaction
  isTransient: (code) => code === '40P01' || code === '40001',
  isLocked: (code) => code === '55P03',
  isUnavailable: (code) => /^(08|53|57P|58|25006)/.test(code),
  withTimeLimit: (query, milliseconds) => [
    sql`SELECT set_config('statement_timeout', ${String(milliseconds)}, true)`,
    query,
  ],
  hasReachedLimit: (code) => code === '57014',
  isReadOnly: (code) => code === '25006',
  isWritable: raw(`SELECT 1 WHERE current_setting('transaction_read_only') = 'off'`),
  async durabilityProblems(execute) {
    const { records } = await execute(
      sql`SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') AND setting = 'off'`,
    );
    return records.map(({ name }) => `PostgreSQL runs with ${String(name)} = off. Set it to on.`);
  },
};

/** PostgreSQL behind a pooler that keeps settings of the session from the server, as PgBouncer does. */
export const pooledPostgresDialect: Dialect = {
  ...postgresDialect,
  sessionIdentity: undefined, // the pooler makes its own numbers up, and shares out the sessions
  transactionSettings: sql`SELECT ${join(
    Object.entries(POSTGRES_SESSION).map(([name, value]) => sql`set_config(${name}, ${String(value)}, true)`),
  )}`,
};

/** Returns a key of 64 bits, as PostgreSQL names its advisory locks. */
function lockKey(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString();
}
