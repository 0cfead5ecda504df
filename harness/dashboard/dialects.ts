import { createHash } from 'node:crypto';
import type { QueryRunner } from 'typeorm';
import type { DatabaseKind } from './databases.js';

/** How a database says what the filling needs. All know `||`, `%`, `CASE` and `substr`. */
export interface Dialect {
  /** Rows `n` from one number to another, with `1`, `2` or `3` of each. */
  numbers(from: number, to: number): string;
  /** A whole number in hexadecimal digits. */
  hex(number: string, digits: number): string;
  /** The idempotency key of a session. */
  sessionKey(tenant: string, session: string): string;
  /** Statements of the connection that fills. */
  prepare(runner: QueryRunner): Promise<void>;
  /** Indexes of a table but the primary key, which are faster built over full tables: how each goes, and comes back. */
  indexes(runner: QueryRunner, table: string): Promise<{ drop: string; create: string }[]>;
  /** Brings what the planner knows up to date. */
  analyze(tables: readonly string[]): readonly string[];
}

const postgres: Dialect = {
  numbers: (from, to) => `generate_series(${from}::bigint, ${to}) AS numbers(n)`,
  hex: (number, digits) => `lpad(to_hex(${number}), ${digits}, '0')`,
  sessionKey: (tenant, session) =>
    `encode(sha256(convert_to(${tenant}, 'UTF8') || decode('00', 'hex') || convert_to(${session}, 'UTF8')), 'hex')`,
  prepare: async (runner) => {
    await runner.query('SET synchronous_commit = off');
    await runner.query(`SET maintenance_work_mem = '512MB'`);
  },
  indexes: async (runner, table) => {
    const found = (await runner.query(
      `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = '${table}'
       AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE contype = 'p')`,
    )) as { name: string; definition: string }[];
    return found.map(({ name, definition }) => ({ drop: `DROP INDEX "${name}"`, create: definition }));
  },
  analyze: (tables) => tables.map((table) => `VACUUM ANALYZE ${table}`),
};

const mariadb: Dialect = {
  numbers: (from, to) => `(SELECT seq AS n FROM seq_${from}_to_${to}) AS numbers`,
  hex: (number, digits) => `LPAD(LOWER(HEX(${number})), ${digits}, '0')`,
  sessionKey: (tenant, session) => `SHA2(CONCAT(${tenant}, CHAR(0), ${session}), 256)`,
  prepare: async (runner) => {
    await runner.query(`SET SESSION sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')`);
  },
  indexes: async (runner, table) => {
    const found = (await runner.query(
      `SELECT INDEX_NAME AS name, MIN(NON_UNIQUE) AS plain, GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX) AS columns
       FROM information_schema.STATISTICS
       WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '${table}' AND INDEX_NAME <> 'PRIMARY' GROUP BY INDEX_NAME`,
    )) as { name: string; plain: number; columns: string }[];
    return found.map(({ name, plain, columns }) => ({
      drop: `DROP INDEX ${name} ON ${table}`,
      create: `CREATE ${Number(plain) ? '' : 'UNIQUE'} INDEX ${name} ON ${table} (${columns})`,
    }));
  },
  analyze: (tables) => tables.map((table) => `ANALYZE TABLE ${table}`),
};

/** The driver of SQLite, which lets SQL call a function of this process. */
interface SqliteConnection {
  function(name: string, options: { deterministic: true }, call: (tenant: string, session: string) => string): void;
}

const sqlite: Dialect = {
  numbers: (from, to) =>
    `(WITH RECURSIVE counted(n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM counted WHERE n < ${to})
      SELECT n FROM counted) AS numbers`,
  hex: (number, digits) => `printf('%0${digits}x', ${number})`,
  sessionKey: (tenant, session) => `session_key(${tenant}, ${session})`,
  prepare: async (runner) => {
    const connection = (await runner.connect()) as SqliteConnection;
    connection.function('session_key', { deterministic: true }, (tenant, session) =>
      createHash('sha256').update(`${tenant}\0${session}`).digest('hex'),
    );
    await runner.query('PRAGMA journal_mode = WAL');
    await runner.query('PRAGMA synchronous = OFF');
    await runner.query('PRAGMA cache_size = -500000');
  },
  indexes: async (runner, table) => {
    const found = (await runner.query(
      `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '${table}' AND sql IS NOT NULL`,
    )) as { name: string; sql: string }[];
    return found.map(({ name, sql }) => ({ drop: `DROP INDEX "${name}"`, create: sql }));
  },
  analyze: () => ['ANALYZE', 'PRAGMA wal_checkpoint(TRUNCATE)'],
};

export const dialects: Readonly<Record<DatabaseKind, Dialect>> = { postgres, mariadb, sqlite };
