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
 * Connects to the database of the host, as its kind allows.
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
 * The pool has stopped listening before TypeORM begins: a server that ends a connection as soon as it is made, as one
 * that is shutting down does, would end this process with an unhandled "error". The pool drops the connection anyway.
 */
function ignoreIdleConnectionErrors({ driver }: DataSource): void {
  const { master, slaves } = driver as unknown as { master: EventEmitter; slaves: EventEmitter[] };
  for (const pool of [master, ...slaves])
    pool.on('connect', (connection: EventEmitter) => connection.on('error', () => {}));
}

/** There is no second connection to a database in memory. */
function memoryConnection(host: DataSource): DatabaseConnection {
  return new SingleConnection(host, memoryDialect, host);
}

/** As the drivers read it; both have 10 connections when nothing is said. */
function poolSize(options: DataSourceOptions): number {
  const { poolSize: size, extra } = options as {
    poolSize?: number;
    extra?: { max?: number; connectionLimit?: number };
  };
  return extra?.max ?? extra?.connectionLimit ?? size ?? 10;
}

/** A file has one connection in TypeORM: what we acknowledge on the host's would vanish with the host's rollback. */
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
