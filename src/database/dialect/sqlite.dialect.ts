import type { QueryRunner } from 'typeorm';
import { raw, sql } from '../sql.js';
import type { Dialect } from './dialect.js';
import { onConflictDoUpdate } from './upsert.js';
import { values } from './values.js';

const SYNCHRONOUS_FULL = 2;

export const sqliteDialect: Dialect = {
  ...onConflictDoUpdate,
  placeholder: () => '?',
  isServer: false,
  insertReturns: true,
  maxBatchBytes: 1024 * 1024,
  rows: values,
  updateReturns: true,
  writesInQueries: false,
  // One parameter for any number of values: their number is limited.
  isOneOf: (column, list) => sql`${raw(column)} IN (SELECT value FROM json_each(${JSON.stringify(list)}))`,
  isOneOfRows: (column, query) => sql`${raw(column)} IN (${query})`,
  isAt: (column, value) => sql`${raw(column)} = ${value}`,
  // Row ids are given in order, so this is exact as long as nothing is deleted in between.
  estimateRows: (table) =>
    sql`SELECT coalesce((SELECT max(rowid) FROM ${table}) - (SELECT min(rowid) FROM ${table}) + 1, 0) AS n`,
  tablesEnding: (name) =>
    sql`SELECT NULL AS place, name FROM sqlite_master
        WHERE type = 'table' AND substr(name, -${raw(String(name.length))}) = ${name} ORDER BY 2`,
  skipLocked: raw(''),
  now: undefined,
  session: [],
  /** Rolls back and resets TypeORM's state. */
  async disconnect(runner) {
    await runner.query('ROLLBACK').catch(() => {}); // fails where SQLite has rolled back by itself
    (runner.connection.driver as { queryRunner?: QueryRunner }).queryRunner = undefined;
  },
  sessionId: () => undefined,
  endSession: () => undefined,
  withoutWaiting: (insert) => insert,
  hasRolledBack: async (runner) => ((await runner.connect()) as { inTransaction?: boolean }).inTransaction === false,
  isTransient: (code) => code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'),
  isLocked: () => false, // one writer locks the whole file
  isUnavailable: (code) => /^SQLITE_(BUSY|LOCKED|IOERR|FULL|READONLY|CANTOPEN|CORRUPT)/.test(code),
  truncateWal: raw('PRAGMA wal_checkpoint(TRUNCATE)'), // does what it can while somebody reads
  withTimeLimit: (query) => [query], // the driver is synchronous: a query must not be long
  hasReachedLimit: () => false,
  isReadOnly: () => false, // there is one connection
  isWritable: raw('SELECT 1'), // its errors in a handler are those of our own connection, or of another file
  async durabilityProblems(execute) {
    const { records } = await execute(sql`PRAGMA synchronous`);
    return Number(records[0]?.synchronous) >= SYNCHRONOUS_FULL
      ? []
      : ['SQLite runs without synchronous = FULL. Use a database file.'];
  },
};
