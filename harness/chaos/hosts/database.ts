import mysql from 'mysql2';
import type { DataSourceOptions } from 'typeorm';
import { setting } from './setting.js';

/** On every connection that this host opens, the database knows its name. */
export function identified(options: DataSourceOptions): DataSourceOptions {
  const { name } = setting();
  switch (options.type) {
    case 'postgres':
      return { ...options, applicationName: name };
    case 'mariadb':
      return { ...options, driver: { ...mysql, createPool: (config: mysql.PoolOptions) => namedPool(config, name) } };
    case 'better-sqlite3':
      return { ...options, prepareDatabase: (database: SqliteDatabase) => nameIn(database, name) };
    default:
      throw new Error(`There is no audit for ${options.type}.`);
  }
}

function namedPool(config: mysql.PoolOptions, name: string): mysql.Pool {
  const pool = mysql.createPool(config);
  pool.on('connection', (connection) => connection.query('SET @host_name = ?', [name]));
  return pool;
}

/** As much of a database of better-sqlite3 as is needed here: it has no types of its own. */
interface SqliteDatabase {
  function(name: string, implementation: () => string): unknown;
  pragma(text: string): unknown;
}

function nameIn(database: SqliteDatabase, name: string): void {
  database.pragma('trusted_schema = 1'); // for functions in triggers
  database.function('host_name', () => name);
}
