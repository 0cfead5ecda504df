import { inspectHardware, installedVersions, type Hardware } from '../../bench/src/hardware.js';
import type { DatabaseKind } from '../../test/support/database/databases.js';
import { openSharedDatabase, withConnection } from './database-under-test.js';

/** The machine that the figures were measured on. */
export interface Machine extends Hardware {
  readonly databases: Readonly<Record<string, string>>;
  readonly packages: Readonly<Record<string, string>>;
}

const VERSION: Record<DatabaseKind, string> = {
  sqlite: "SELECT 'SQLite ' || sqlite_version() AS version",
  postgres:
    "SELECT 'PostgreSQL ' || current_setting('server_version') || ', fsync = ' || current_setting('fsync') AS version",
  mariadb:
    "SELECT CONCAT('MariaDB ', version(), ', innodb_flush_log_at_trx_commit = ', @@innodb_flush_log_at_trx_commit) AS version",
};

const PACKAGES = ['@nestjs/core', 'typeorm', 'pg', 'mysql2', 'better-sqlite3'];

export async function inspectMachine(kinds: readonly DatabaseKind[]): Promise<Machine> {
  return {
    ...inspectHardware(),
    databases: Object.fromEntries(await Promise.all(kinds.map(async (kind) => [kind, await versionOf(kind)] as const))),
    packages: installedVersions(PACKAGES, import.meta.url),
  };
}

async function versionOf(kind: DatabaseKind): Promise<string> {
  const database = await openSharedDatabase(kind);
  try {
    return await withConnection(database, async (connection) => {
      const [row] = await connection.query<{ version: string }[]>(VERSION[kind]);
      return row?.version ?? 'unknown';
    });
  } finally {
    await database.close();
  }
}
