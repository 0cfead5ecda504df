import type { QueryRunner } from 'typeorm';
import { join, raw, sql, Sql } from '../sql.js';
import type { Dialect } from './dialect.js';
import { values } from './values.js';

const TRANSIENT = new Set(['ER_LOCK_DEADLOCK', 'ER_CHECKREAD']);
const UNAVAILABLE =
  /^(ER_(CON_COUNT|SERVER_SHUTDOWN|OPTION_PREVENTS|CONNECTION_KILLED|QUERY_INTERRUPTED|RECORD_FILE_FULL|DISK_FULL)|PROTOCOL_)/;

const READ_ONLY = /^ER_(CANT_EXECUTE_IN_READ_ONLY_TRANSACTION|OPTION_PREVENTS_STATEMENT|READ_ONLY_MODE)$/;

/** Error of MariaDB, which the driver has no name for. */
const STATEMENT_TIMEOUT = 1_969;

/** Errors after which the server has rolled back everything. */
const ENDS_TRANSACTION = new Set(['ER_LOCK_DEADLOCK', 'ER_CHECKREAD', 'ER_LOCK_TABLE_FULL']);
const ROLLS_BACK_ON_TIMEOUT = 'SELECT @@innodb_rollback_on_timeout AS is_on';
/** A connection of the driver. */
interface Session {
  readonly threadId: number;
  destroy(): void;
}

/** Fields of TypeORM's runner that hold a connection of the driver. */
type Runner = QueryRunner & { databaseConnection?: Session };

/** Longest time that MariaDB keeps the locks of a session whose client has gone in the middle of a transaction. */
const IDLE_TRANSACTION_TIMEOUT_S = 30;

/** Settings of MySQL and MariaDB alike. No row is waited for any longer: what is locked is left for later. */
const SESSION = [
  `SET NAMES utf8mb4`,
  `SET sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, innodb_lock_wait_timeout = 1`,
  // Repeatable read locks gaps: claims take three times as long, and deadlock.
  `SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`,
];

/**
 * The driver writes texts into the statement, and escapes them: JSON is full of quotes, and may get twice as long. With
 * what else is in 200 rows, it is below the 1 MiB that servers take at least (`max_allowed_packet`).
 */
const MAX_BATCH_BYTES = 384 * 1024;

/**
 * Identifies a server and its start: each server counts its sessions from 1, after a restart too. Both times are those
 * of the statement, so their difference is always the same.
 */
function identityFrom(status: string): Sql {
  const startedAt = `UNIX_TIMESTAMP() - variable_value`;
  return raw(
    `SELECT CONCAT_WS(' ', @@hostname, @@port, @@server_id, ${startedAt}) AS identity FROM ${status} WHERE variable_name = 'Uptime'`,
  );
}

/** MySQL 8. It returns no rows from a write, so they are read back. */
export const mysqlDialect: Dialect = {
  placeholder: () => '?',
  isServer: true,
  insertReturns: false,
  maxBatchBytes: MAX_BATCH_BYTES,
  rows: values,
  updateReturns: false,
  writesInQueries: false,
  isOneOf: (column, list) => sql`${raw(column)} IN (${join(list)})`,
  isOneOfRows: (column, query) => sql`${raw(column)} IN (${query})`,
  isAt: (column, value) => sql`${raw(column)} = ${value}`,
  distinctSkips: true,
  estimateRows: (table) => {
    const [name, schema] = table.strings.join('').replaceAll('`', '').split('.').toReversed();
    return sql`SELECT table_rows AS n FROM information_schema.tables
      WHERE table_schema = ${schema ? sql`${schema}` : raw('DATABASE()')} AND table_name = ${name}`;
  },
  tablesEnding: (name) =>
    sql`SELECT NULL AS place, table_name AS name FROM information_schema.tables
        WHERE table_schema = DATABASE() AND RIGHT(table_name, ${name.length}) = ${name} ORDER BY 2`,
  skipLocked: raw('FOR UPDATE SKIP LOCKED'),
  session: SESSION,
  insertInto: (table) => sql`INSERT INTO ${table}`,
  onConflict: (_, assignments) => sql`ON DUPLICATE KEY UPDATE ${assignments}`,
  onConflictDoNothing: (keyColumns) => {
    const [first = ''] = keyColumns.split(', ');
    return raw(`ON DUPLICATE KEY UPDATE ${first} = ${first}`);
  },
  stored: raw,
  incoming: (column) => raw(`VALUES(${column})`),
  // Not UNIX_TIMESTAMP: it goes through the session's zone, where an hour happens twice a year.
  now: raw(`SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000 AS now`),
  async disconnect(runner) {
    const { databaseConnection } = runner as Runner;
    if (databaseConnection) databaseConnection.destroy();
    else {
      runner.connect().then(
        (session: Session) => session.destroy(),
        () => {}, // it was never made
      );
    }
    await runner.release();
  },
  sessionId: (runner) => (runner as Runner).databaseConnection?.threadId,
  sessionIdentity: identityFrom('performance_schema.global_status'),
  endSession: ({ id, identity }, from) => (identity === from ? raw(`KILL ${id}`) : undefined),
  withoutWaiting: (insert) => insert, // its session waits for a second at most
  commitsImplicitly:
    /^(CREATE(?!\s+TEMPORARY)|ALTER|DROP(?!\s+TEMPORARY)|TRUNCATE|RENAME|GRANT|REVOKE|LOCK|UNLOCK|ANALYZE|OPTIMIZE|REPAIR|CHECK|FLUSH|RESET|SET\s+(SESSION\s+|@@(SESSION\.)?)?AUTOCOMMIT)\b/i,
  async hasRolledBack(runner, failure) {
    const code = String(Object(failure).code);
    if (code !== 'ER_LOCK_WAIT_TIMEOUT') return ENDS_TRANSACTION.has(code);
    const [row] = (await runner.query(ROLLS_BACK_ON_TIMEOUT)) as { is_on: unknown }[];
    return Number(row?.is_on) === 1;
  },
  isTransient: (code) => TRANSIENT.has(code),
  isLocked: (code) => code === 'ER_LOCK_WAIT_TIMEOUT',
  isUnavailable: (code) => UNAVAILABLE.test(code),
  withTimeLimit: (query, milliseconds) => {
    const [first = '', ...others] = query.strings;
    const limited = first.replace(/^\s*SELECT/, `SELECT /*+ MAX_EXECUTION_TIME(${milliseconds}) */`);
    return [new Sql([limited, ...others], query.values)];
  },
  hasReachedLimit: (code, number) => code === 'ER_QUERY_TIMEOUT' || number === STATEMENT_TIMEOUT,
  isReadOnly: (code) => READ_ONLY.test(code),
  isWritable: raw('SELECT 1 FROM DUAL WHERE @@read_only = 0'),
  async durabilityProblems(execute) {
    const { records } = await execute(sql`SELECT @@innodb_flush_log_at_trx_commit AS flushed`);
    const flushed = Number(records[0]?.flushed);
    return flushed === 1
      ? []
      : [`innodb_flush_log_at_trx_commit = ${flushed} loses the last second in a crash. Set it to 1.`];
  },
};

function withoutWaiting(statement: Sql): Sql {
  return sql`SET STATEMENT innodb_lock_wait_timeout = 0 FOR ${statement}`;
}

/** MariaDB. Unlike MySQL, it returns the rows of an INSERT, and ends a session that is idle in a transaction. */
export const mariadbDialect: Dialect = {
  ...mysqlDialect,
  insertReturns: true,
  // With `=`, it would read all rows of the value, and leave out those beyond the range of the second column.
  isAt: (column, value) => sql`${raw(column)} >= ${value} AND ${raw(column)} <= ${value}`,
  sessionIdentity: identityFrom('information_schema.global_status'),
  session: [...SESSION, `SET idle_transaction_timeout = ${IDLE_TRANSACTION_TIMEOUT_S}`],
  withoutWaiting,
  withTimeLimit: (query, milliseconds) => [
    sql`SET STATEMENT max_statement_time = ${raw(String(milliseconds / 1_000))} FOR ${query}`,
  ],
  compound: {
    run: (statements) =>
      withoutWaiting(sql`BEGIN NOT ATOMIC
        DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
        START TRANSACTION; ${statements.reduce((before, next) => sql`${before}; ${next}`)}; COMMIT;
      END`),
    rows(records) {
      const columns = raw(Object.keys(records[0] ?? {}).join(', '));
      return sql`SELECT * FROM (WITH incoming (${columns}) AS (${values(raw(''), records)}) SELECT * FROM incoming) AS incoming`;
    },
  },
};
