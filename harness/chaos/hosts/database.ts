import mysql from 'mysql2';
import type { DataSourceOptions } from 'typeorm';
import { hostSettings } from './host-settings.js';

/** Tells the database the name of this host on every connection, for the audit. */
export function withHostName(options: DataSourceOptions): DataSourceOptions {
  const { name } = hostSettings();
  switch (options.type) {
    case 'postgres':
      return { ...options, applicationName: name };
    case 'mariadb':
      return {
        ...options,
        driver: { ...mysql, createPool: (config: mysql.PoolOptions) => poolWithHostName(config, name) },
      };
    case 'better-sqlite3':
      return { ...options, prepareDatabase: (database: SqliteDatabase) => defineHostName(database, name) };
    default:
      throw new Error(`The audit does not support ${options.type}.`);
  }
}

function poolWithHostName(config: mysql.PoolOptions, name: string): mysql.Pool {
  const pool = mysql.createPool(config);
  pool.on('connection', (connection) => connection.query('SET @host_name = ?', [name]));
  return pool;
}

/** The part of better-sqlite3's database that is used here: it has no types of its own. */
interface SqliteDatabase {
  function(name: string, implementation: () => string): unknown;
  pragma(text: string): unknown;
}

function defineHostName(database: SqliteDatabase, name: string): void {
  database.pragma('trusted_schema = 1'); // for functions in triggers
  database.function('host_name', () => name);
}
