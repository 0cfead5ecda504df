import { DataSource, type DataSourceOptions } from 'typeorm';
import { POSTGRES_SESSION } from './dialect/postgres.dialect.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;
type MySqlOptions = Extract<DataSourceOptions, { type: 'mysql' | 'mariadb' }>;
type Entities = NonNullable<DataSourceOptions['entities']>;

/** Longest time that a new connection may take. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Time without traffic after which the system asks whether the peer is still there. */
const KEEPALIVE_MS = 10_000;
/**
 * Options that a DataSource of the inbox does not take from the host: its schema is the host's, and its statements are
 * not logged.
 */
export const ISOLATED_OPTIONS: Partial<DataSourceOptions> = {
  migrationsRun: false,
  synchronize: false,
  dropSchema: false,
  namingStrategy: undefined, // the names in our entities are those of our tables
  logging: false, // a logger of the host would be given the parameters, which are bodies
  logger: 'advanced-console',
  maxQueryExecutionTime: undefined,
};

/** Options that a pool beside the host's does not take either. */
const OWN_POOL_OPTIONS: Partial<DataSourceOptions> = {
  ...ISOLATED_OPTIONS,
  migrations: [],
  subscribers: [],
  isolationLevel: undefined,
  cache: false,
};

/**
 * Opens a pool of the inbox's own to the writer of the host's database.
 *
 * @param sendsSessionSettings false behind a pooler that refuses settings of the session: they are then left out
 */
export function openPostgresPool(
  { replication, ...options }: PostgresOptions,
  connections: number,
  entities: Entities,
  sendsSessionSettings = true,
): Promise<DataSource> {
  return new DataSource({
    ...options,
    ...replication?.master,
    ...OWN_POOL_OPTIONS,
    entities,
    extensions: undefined,
    installExtensions: false,
    logNotifications: false,
    poolErrorHandler: () => {}, // the next statement opens another connection
    poolSize: connections,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: {
      ...(options.extra as object),
      max: connections,
      min: 0,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: 0, // ours end the connection
      binary: false, // pg-int8 misreads what is over 32 bits
      ...(sendsSessionSettings && POSTGRES_SESSION),
    },
  } as PostgresOptions).initialize();
}

/** Opens a pool of the inbox's own to the writer of the host's database. */
export function openMySqlPool(
  { replication, ...options }: MySqlOptions,
  connections: number,
  entities: Entities,
): Promise<DataSource> {
  return new DataSource({
    ...options,
    ...replication?.master,
    ...OWN_POOL_OPTIONS,
    entities,
    charset: 'utf8mb4', // in which the driver sends text
    poolSize: connections,
    connectTimeout: CONNECT_TIMEOUT_MS,
    extra: {
      ...(options.extra as object),
      connectionLimit: connections,
      waitForConnections: true,
      queueLimit: 0,
      rowsAsArray: false,
      nestTables: false,
      typeCast: true,
      enableKeepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
    },
  } as MySqlOptions).initialize();
}

/** Returns the size of the host's pool, as the drivers read it. Their default is 10 connections. */
export function poolSize(options: DataSourceOptions): number {
  const { poolSize: size, extra } = options as {
    poolSize?: number;
    extra?: { max?: number; connectionLimit?: number };
  };
  return extra?.max ?? extra?.connectionLimit ?? size ?? 10;
}
