import type { DataSourceOptions } from 'typeorm';

const {
  DATABASE_URL = ':memory:',
  SQLITE_BINDING,
  ENTITIES = 'list',
  DATA_SOURCE,
  PLATFORM = 'express',
  CR3D_WEBHOOK_SECRET = 'a-secret-of-more-than-16-characters',
} = process.env;

export const secret = CR3D_WEBHOOK_SECRET;
export const platform = PLATFORM;
/** How TypeORM finds the entities: `list`, `autoload` or `globs`. */
export const entities = ENTITIES;
/** Name of the DataSource; nothing for the default one. */
export const dataSource = DATA_SOURCE;

export function database(): DataSourceOptions {
  if (DATABASE_URL.startsWith('postgres:')) return { type: 'postgres', url: DATABASE_URL };
  if (DATABASE_URL.startsWith('mariadb:')) return { type: 'mariadb', url: DATABASE_URL };
  return { type: 'better-sqlite3', database: DATABASE_URL, nativeBinding: SQLITE_BINDING };
}
