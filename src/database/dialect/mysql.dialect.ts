import { withTimeout } from '../../concurrency/with-timeout.js';
import { raw, sql } from '../sql.js';
import type { Dialect } from './dialect.js';
import { values } from './values.js';

const TRANSIENT = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD']);
const UNAVAILABLE =
  /^(ER_(CON_COUNT|SERVER_SHUTDOWN|OPTION_PREVENTS|CONNECTION_KILLED|QUERY_INTERRUPTED|RECORD_FILE_FULL|DISK_FULL)|PROTOCOL_)/;

/** Errors after which the server has rolled back everything. */
const ENDS_TRANSACTION = new Set(['ER_LOCK_DEADLOCK', 'ER_CHECKREAD']);
/** Longest time that the end of a session is waited for. */
const KILL_TIMEOUT_MS = 2_000;

/** A connection of the driver. */
interface Session {
  readonly threadId: number;
  destroy(): void;
}

/** MySQL 8. It returns no rows from a write, so they are read back. */
export const mysqlDialect: Dialect = {
  placeholder: () => '?',
  insertReturns: false,
  rows: values,
  updateReturns: false,
  skipLocked: raw('FOR UPDATE SKIP LOCKED'),
  isolation: 'READ COMMITTED', // repeatable read locks gaps: claims take three times as long, and deadlock
  insertInto: (table) => sql`INSERT INTO ${table}`,
  onConflict: (_, assignments) => sql`ON DUPLICATE KEY UPDATE ${assignments}`,
  stored: raw,
  incoming: (column) => raw(`VALUES(${column})`),
  // Not UNIX_TIMESTAMP: it goes through the session's zone, where an hour happens twice a year.
  now: raw(`SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 AS now`),
  async discard(runner) {
    const connection = (await runner.connect().catch(() => undefined)) as Session | undefined;
    if (!connection) return;
    connection.destroy();
    // A session that waits for a lock does not notice that its client has gone, and keeps its own locks.
    const killed = runner.connection.query(`KILL ${connection.threadId}`);
    await withTimeout(killed, KILL_TIMEOUT_MS).catch(() => {}); // it may have ended by itself
  },
  commitsImplicitly:
    /^(CREATE(?!\s+TEMPORARY)|ALTER|DROP(?!\s+TEMPORARY)|TRUNCATE|RENAME|GRANT|REVOKE|LOCK|UNLOCK|ANALYZE|OPTIMIZE|REPAIR|CHECK|FLUSH|RESET|SET\s+(SESSION\s+|@@(SESSION\.)?)?AUTOCOMMIT)\b/i,
  hasRolledBack: (_, failure) => Promise.resolve(ENDS_TRANSACTION.has(String(Object(failure).code))),
  isTransient: (code) => TRANSIENT.has(code),
  isUnavailable: (code) => UNAVAILABLE.test(code),
  async durabilityProblems(execute) {
    const { records } = await execute(sql`SELECT @@innodb_flush_log_at_trx_commit AS flushed`);
    const flushed = Number(records[0]?.flushed);
    return flushed === 1
      ? []
      : [`innodb_flush_log_at_trx_commit = ${flushed} loses the last second in a crash. Set it to 1.`];
  },
};

/** MariaDB. Unlike MySQL, it returns the rows of an INSERT. */
export const mariadbDialect: Dialect = { ...mysqlDialect, insertReturns: true };
