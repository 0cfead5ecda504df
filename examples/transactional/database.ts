import type { DataSourceOptions } from 'typeorm';

/** Returns the database of DATABASE_URL: PostgreSQL, MariaDB or a SQLite file. */
export function database(): DataSourceOptions {
  const url = process.env.DATABASE_URL ?? 'transactional.sqlite';
  if (url.startsWith('postgres')) return { type: 'postgres', url };
  if (url.startsWith('mariadb')) return { type: 'mariadb', url };
  return { type: 'better-sqlite3', database: url };
}
