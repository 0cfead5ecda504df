import type { QueryRunner } from 'typeorm';
import { raw, sql } from '../sql.js';
import type { Dialect } from './dialect.js';
import { onConflictDoUpdate } from './upsert.js';
import { values } from './values.js';

const SYNCHRONOUS_FULL = 2;

export const sqliteDialect: Dialect = {
  ...onConflictDoUpdate,
  placeholder: () => '?',
  insertReturns: true,
  rows: values,
  updateReturns: true,
  skipLocked: raw(''),
  now: undefined,
  /** Rolls back and resets TypeORM's state. The connection stays open, because the file has no other. */
  async discard(runner) {
    await runner.query('ROLLBACK').catch(() => {}); // fails where SQLite has rolled back by itself
    (runner.connection.driver as { queryRunner?: QueryRunner }).queryRunner = undefined;
  },
  hasRolledBack: async (runner) => ((await runner.connect()) as { inTransaction?: boolean }).inTransaction === false,
  isTransient: (code) => code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'),
  isUnavailable: (code) => /^SQLITE_(BUSY|LOCKED|IOERR|FULL|READONLY|CANTOPEN|CORRUPT)/.test(code),
  async durabilityProblems(execute) {
    const { records } = await execute(sql`PRAGMA synchronous`);
    return Number(records[0]?.synchronous) >= SYNCHRONOUS_FULL
      ? []
      : ['SQLite runs without synchronous = FULL. Use a database file.'];
  },
};
