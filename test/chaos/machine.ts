import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import type { DatabaseKind } from '../support/database/databases.js';
import { sharedGround, visit } from './ground.js';

/** What the figures depend on beside the code. */
export interface Machine {
  readonly processor: string;
  readonly memory: string;
  readonly system: string;
  readonly node: string;
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

export async function inspectMachine(kinds: readonly DatabaseKind[]): Promise<Machine> {
  const { length, 0: first } = cpus();
  const packages = ['@nestjs/core', 'typeorm', 'pg', 'mysql2', 'better-sqlite3'].map(
    (name) => [name, installed(name)] as const,
  );
  return {
    processor: `${length} × ${first?.model.trim() ?? 'unknown'}`,
    memory: `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    databases: Object.fromEntries(await Promise.all(kinds.map(async (kind) => [kind, await versionOf(kind)] as const))),
    packages: Object.fromEntries(packages),
  };
}

function installed(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const manifest = folders.map((folder) => join(folder, name, 'package.json')).find((path) => existsSync(path));
  return (JSON.parse(readFileSync(manifest ?? '', 'utf8')) as { version: string }).version;
}

async function versionOf(kind: DatabaseKind): Promise<string> {
  const ground = await sharedGround(kind);
  try {
    return await visit(ground, async (connection) => {
      const [row] = await connection.query<{ version: string }[]>(VERSION[kind]);
      return row?.version ?? 'unknown';
    });
  } finally {
    await ground.close();
  }
}
