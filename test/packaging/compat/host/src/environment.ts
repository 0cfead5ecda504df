import { DefaultNamingStrategy, type DataSourceOptions } from 'typeorm';

const {
  DATABASE_URL = ':memory:',
  SQLITE_BINDING,
  ENTITIES = 'list',
  DATA_SOURCE,
  PLATFORM = 'express',
  HTTP2,
  NAMING,
  REPLICATION,
  CR3D_WEBHOOK_SECRET = 'a-secret-of-more-than-16-characters',
} = process.env;

export const secret = CR3D_WEBHOOK_SECRET;
export const platform = PLATFORM;
/** How TypeORM finds the entities: `list`, `autoload` or `globs`. */
export const entities = ENTITIES;
/** Name of the DataSource; nothing for the default one. */
export const dataSource = DATA_SOURCE;

export const isHttp2 = HTTP2 === 'true';

/** Gives other names to tables and columns than the entities do. */
class Prefixed extends DefaultNamingStrategy {
  override tableName(className: string, given: string): string {
    return `app_${super.tableName(className, given)}`;
  }
}

const namingStrategy = NAMING === 'prefix' ? new Prefixed() : undefined;
export const accountTable = namingStrategy ? 'app_account' : 'account';

export function database(): DataSourceOptions {
  return { ...connection(), ...(namingStrategy && { namingStrategy }) };
}

function connection(): DataSourceOptions {
  const url = DATABASE_URL;
  // A replica that is not behind: the same database.
  const connect = REPLICATION === 'true' ? { replication: { master: { url }, slaves: [{ url }] } } : { url };
  if (url.startsWith('postgres:')) return { type: 'postgres', ...connect };
  if (url.startsWith('mariadb:')) return { type: 'mariadb', ...connect };
  return { type: 'better-sqlite3', database: DATABASE_URL, nativeBinding: SQLITE_BINDING };
}
