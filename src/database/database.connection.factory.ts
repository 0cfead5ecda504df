import type { EventEmitter } from 'node:events';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { mariadbDialect, mysqlDialect } from './dialect/mysql.dialect.js';
import { postgresDialect } from './dialect/postgres.dialect.js';
import { memoryDialect } from './dialect/memory.dialect.js';
import { sqliteDialect } from './dialect/sqlite.dialect.js';
import type { DatabaseConnection } from './database.connection.js';
import { PooledConnection } from './pooled.connection.js';
import { SingleConnection } from './single.connection.js';

type SqliteOptions = Extract<DataSourceOptions, { type: 'better-sqlite3' }>;

/**
 * Opens the connection that fits the type of the host's database.
 *
 * @throws Cr3dentialsWebhookError `DATABASE_UNSUPPORTED`
 */
export async function openDatabase(host: DataSource): Promise<DatabaseConnection> {
  const { options } = host;
  switch (options.type) {
    case 'postgres':
      ignoreIdleConnectionErrors(host);
      return new PooledConnection(host, postgresDialect, poolSize(options));
    case 'mariadb':
    case 'mysql':
      return new PooledConnection(host, (await isMariaDb(host)) ? mariadbDialect : mysqlDialect, poolSize(options));
    case 'better-sqlite3':
      return isInMemory(options) ? memoryConnection(host) : openDedicatedSqlite(host, options);
    case 'sqljs':
      return memoryConnection(host);
    default:
      throw new Cr3dentialsWebhookError(
        'DATABASE_UNSUPPORTED',
        `The inbox cannot live in a database of type "${options.type}". Use postgres, mariadb, mysql or better-sqlite3, and name that DataSource in the option "dataSource".`,
      );
  }
}

/**
 * Ignores errors of connections that nobody listens to. The pool stops listening before TypeORM begins. A server that
 * is shutting down ends a connection as soon as it is made; the unhandled "error" would end this process. The pool
 * drops the connection anyway.
 */
function ignoreIdleConnectionErrors({ driver }: DataSource): void {
  const { master, slaves } = driver as unknown as { master: EventEmitter; slaves: EventEmitter[] };
  for (const pool of [master, ...slaves])
    pool.on('connect', (connection: EventEmitter) => connection.on('error', () => {}));
}

/** Uses the host's connection: a database in memory has no second one. */
function memoryConnection(host: DataSource): DatabaseConnection {
  return new SingleConnection(host, memoryDialect, host);
}

/** Returns the size of the pool, as the drivers read it. Their default is 10 connections. */
function poolSize(options: DataSourceOptions): number {
  const { poolSize: size, extra } = options as {
    poolSize?: number;
    extra?: { max?: number; connectionLimit?: number };
  };
  return extra?.max ?? extra?.connectionLimit ?? size ?? 10;
}

/**
 * Opens a connection of our own. TypeORM has one per file: a delivery acknowledged on the host's would vanish with the
 * host's rollback.
 */
async function openDedicatedSqlite(host: DataSource, options: SqliteOptions): Promise<DatabaseConnection> {
  const own = new DataSource({
    ...options,
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
    timeout: 0, // the driver would wait for a busy file with the event loop stopped
    async prepareDatabase(database) {
      await options.prepareDatabase?.(database);
      database.pragma('busy_timeout = 5000'); // the journal is switched once, at boot
      database.pragma('journal_mode = WAL');
      database.pragma('busy_timeout = 0');
      database.pragma('synchronous = FULL');
    },
  } as SqliteOptions);
  await own.initialize();
  return new SingleConnection(own, sqliteDialect, host);
}

function isInMemory({ database }: SqliteOptions): boolean {
  return (
    typeof database !== 'string' || database === '' || database.includes(':memory:') || database.includes('mode=memory')
  );
}

async function isMariaDb(host: DataSource): Promise<boolean> {
  const [row] = await host.query<{ version: string }[]>('SELECT version() AS version');
  return /mariadb/i.test(row?.version ?? '');
}
