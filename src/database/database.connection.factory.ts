import type { EventEmitter } from 'node:events';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { Dialect } from './dialect/dialect.js';
import { mariadbDialect, mysqlDialect } from './dialect/mysql.dialect.js';
import { postgresDialect } from './dialect/postgres.dialect.js';
import { memoryDialect, sqliteDialect } from './dialect/sqlite.dialect.js';
import { DatabaseConnection } from './database.connection.js';
import { assertEntities, assertSchema, assertWritableFile, synchronizeWithHost } from '../inbox/schema.check.js';

type SqliteOptions = Extract<DataSourceOptions, { type: 'better-sqlite3' }>;

/** @throws Cr3dentialsWebhookError `DATA_SOURCE_MISSING`, `DATABASE_UNSUPPORTED`, `SCHEMA_INCOMPLETE` or `DATABASE_READ_ONLY` */
export async function openDatabase(
  host: DataSource | undefined,
  name: string | undefined,
): Promise<DatabaseConnection> {
  assertEntities(host, name);
  await synchronizeWithHost(host);
  const connection = await connect(host);
  try {
    await assertSchema(connection);
    await assertWritableFile(connection);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function connect(host: DataSource): Promise<DatabaseConnection> {
  const { options } = host;
  switch (options.type) {
    case 'postgres':
      ignoreIdleConnectionErrors(host);
      return sharedConnection(host, postgresDialect);
    case 'mariadb':
    case 'mysql':
      return sharedConnection(host, (await isMariaDb(host)) ? mariadbDialect : mysqlDialect);
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

function sharedConnection(host: DataSource, dialect: Dialect): DatabaseConnection {
  return new DatabaseConnection(host, dialect, host, poolSize(host.options));
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
  return new DatabaseConnection(host, memoryDialect, host, 1);
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
  return new DatabaseConnection(own, sqliteDialect, host, 1);
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
