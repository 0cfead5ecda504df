import type { EventEmitter } from 'node:events';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { mariadbDialect, mysqlDialect } from './dialect/mysql.dialect.js';
import { pooledPostgresDialect, POSTGRES_SESSION, postgresDialect } from './dialect/postgres.dialect.js';
import { memoryDialect } from './dialect/memory.dialect.js';
import { sqliteDialect } from './dialect/sqlite.dialect.js';
import type { Dialect } from './dialect/dialect.js';
import type { DatabaseConnection } from './database.connection.js';
import type { StatementTimeouts } from './lanes.js';
import { openMySqlPool, openPostgresPool, poolSize, ISOLATED_OPTIONS } from './inbox.pool.js';
import { PooledConnection } from './pooled.connection.js';
import { SingleConnection } from './single.connection.js';
import { MAX_STATEMENTS } from './sqlite.statement.js';

type SqliteOptions = Extract<DataSourceOptions, { type: 'better-sqlite3' }>;
type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** Settings with which a database is opened. */
export interface DatabaseSetup {
  readonly host: DataSource;
  /** Entities that are read on connections of the inbox. */
  readonly entities: NonNullable<DataSourceOptions['entities']>;
  /** Number of connections to a server. */
  readonly connections: number;
  /** True if one more is needed, which listens. */
  readonly listenNotify: boolean;
  readonly timeouts: StatementTimeouts;
}

/**
 * Opens the connection that fits the type of the host's database.
 *
 * @throws Cr3dentialsWebhookError `DATABASE_UNSUPPORTED`; `OPTIONS_INVALID` if it cannot notify and is to
 */
export async function openDatabase(setup: DatabaseSetup): Promise<DatabaseConnection> {
  const { host, connections, entities } = setup;
  const { options } = host;
  if (setup.listenNotify && options.type !== 'postgres') throw cannotNotify(options.type);
  switch (options.type) {
    case 'postgres':
      return openPostgres(setup, options);
    case 'mariadb':
    case 'mysql':
      return pooled(
        setup,
        (await isMariaDb(host)) ? mariadbDialect : mysqlDialect,
        await openMySqlPool(options, connections, entities),
      );
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

function pooled({ host, connections, timeouts }: DatabaseSetup, dialect: Dialect, pool: DataSource) {
  return new PooledConnection(host, dialect, { pool, connections, hostConnections: poolSize(host.options), timeouts });
}

async function openPostgres(setup: DatabaseSetup, options: PostgresOptions): Promise<DatabaseConnection> {
  const { host, entities } = setup;
  const connections = setup.connections + (setup.listenNotify ? 1 : 0);
  ignoreIdleConnectionErrors(host);
  const pool = await openPostgresPool(options, connections, entities).catch((error: unknown) => {
    // Of PgBouncer.
    if (!/unsupported startup parameter/i.test(String(Object(error).message))) throw error;
    return openPostgresPool(options, connections, entities, false);
  });
  ignoreIdleConnectionErrors(pool);
  return pooled(setup, (await hasSessionSettings(pool)) ? postgresDialect : pooledPostgresDialect, pool);
}

function cannotNotify(type: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'OPTIONS_INVALID',
    `Option "database.listenNotify" needs PostgreSQL, and the database is of type "${type}". Leave the option out.`,
  );
}

/**
 * Tells whether the settings of the session have reached the server. A pooler may refuse them, or drop them silently.
 */
async function hasSessionSettings(pool: DataSource): Promise<boolean> {
  const names = Object.keys(POSTGRES_SESSION);
  const rows = await pool.query<{ value: string }[]>(
    'SELECT setting AS value FROM pg_settings WHERE name = ANY ($1) ORDER BY name',
    [names],
  );
  const expected = Object.entries(POSTGRES_SESSION).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return rows.map(({ value }) => Number(value)).join() === expected.map(([, value]) => value).join();
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
  return new SingleConnection(host, host, memoryDialect);
}

/**
 * Opens a connection of our own. TypeORM has one per file: a delivery acknowledged on the host's would vanish with the
 * host's rollback.
 */
async function openDedicatedSqlite(host: DataSource, options: SqliteOptions): Promise<DatabaseConnection> {
  const pool = new DataSource({
    ...options,
    ...ISOLATED_OPTIONS,
    statementCacheSize: MAX_STATEMENTS, // as many as we keep ourselves, for the same reason
    timeout: 0, // the driver would wait for a busy file with the event loop stopped
    async prepareDatabase(database) {
      await options.prepareDatabase?.(database);
      database.exec('PRAGMA busy_timeout = 5000'); // the journal is switched once, at boot
      database.exec('PRAGMA journal_mode = WAL');
      database.exec('PRAGMA busy_timeout = 0');
      database.exec('PRAGMA synchronous = FULL');
      database.exec('PRAGMA secure_delete = ON'); // what is removed is overwritten in the file
    },
  } as SqliteOptions);
  await pool.initialize();
  Object.assign(pool, { subscribers: host.subscribers }); // those too that a provider of the host adds later
  return new SingleConnection(host, pool, sqliteDialect);
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
