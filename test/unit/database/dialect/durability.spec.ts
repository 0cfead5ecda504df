import { describe, expect, it } from '@jest/globals';
import type { Dialect, ExecuteSql } from '../../../../src/database/dialect/dialect.js';
import { mariadbDialect, mysqlDialect } from '../../../../src/database/dialect/mysql.dialect.js';
import { postgresDialect } from '../../../../src/database/dialect/postgres.dialect.js';
import { sqliteDialect } from '../../../../src/database/dialect/sqlite.dialect.js';

/** Answers as a database with these settings does: the real one's are not a test's to change. */
class Settings {
  readonly asked: string[] = [];

  constructor(private readonly records: Record<string, unknown>[]) {}

  readonly run: ExecuteSql = async (statement) => {
    this.asked.push(statement.render(() => '?').text);
    return { records: this.records, affected: 0 };
  };
}

function problemsOf(dialect: Dialect, ...records: Record<string, unknown>[]): Promise<string[]> {
  return dialect.durabilityProblems(new Settings(records).run);
}

describe.each([
  ['MySQL', mysqlDialect],
  ['MariaDB', mariadbDialect],
])('%s', (_, dialect) => {
  it.each([1, '1', 1n])('loses nothing when it flushes its log at each commit (%p)', async (flushed) => {
    expect(await problemsOf(dialect, { flushed })).toEqual([]);
  });

  it.each([0, 2, '2'])('loses the last second when it does not (%p)', async (flushed) => {
    expect(await problemsOf(dialect, { flushed })).toEqual([
      `innodb_flush_log_at_trx_commit = ${flushed} loses the last second in a crash. Set it to 1.`,
    ]);
  });

  it('is asked for the setting that decides it', async () => {
    const settings = new Settings([{ flushed: 1 }]);
    await dialect.durabilityProblems(settings.run);
    expect(settings.asked).toEqual(['SELECT @@innodb_flush_log_at_trx_commit AS flushed']);
  });
});

describe('PostgreSQL', () => {
  it('loses nothing when neither setting is off', async () => {
    expect(await problemsOf(postgresDialect)).toEqual([]);
  });

  it('is described with every setting that is off', async () => {
    const off = [
      { name: 'fsync', setting: 'off' },
      { name: 'synchronous_commit', setting: 'off' },
    ];
    expect(await problemsOf(postgresDialect, ...off)).toEqual([
      'PostgreSQL runs with fsync = off. Set it to on.',
      'PostgreSQL runs with synchronous_commit = off. Set it to on.',
    ]);
  });
});

describe('SQLite', () => {
  it.each([2, 3, '2'])('loses nothing when it waits for the disk (%p)', async (synchronous) => {
    expect(await problemsOf(sqliteDialect, { synchronous })).toEqual([]);
  });

  it.each([0, 1])('loses the last commits in a power cut when it does not (%p)', async (synchronous) => {
    expect(await problemsOf(sqliteDialect, { synchronous })).toEqual([
      'SQLite runs without synchronous = FULL. Use a database file.',
    ]);
  });
});
