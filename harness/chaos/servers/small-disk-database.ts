import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import { prepareSchema, type DatabaseUnderTest } from '../database-under-test.js';
import { SmallDisk } from './small-disk.js';

const DISK_MEGABYTES = 24;

/** An SQLite file on a small disk of its own. */
export class SmallDiskDatabase implements DatabaseUnderTest {
  readonly kind = 'sqlite';
  readonly options: DataSourceOptions;
  readonly disk = SmallDisk.mount(DISK_MEGABYTES);

  private constructor() {
    this.options = { type: 'better-sqlite3', database: join(this.disk.folder, 'chaos.sqlite') };
  }

  static async open(): Promise<SmallDiskDatabase> {
    const database = new SmallDiskDatabase();
    try {
      await prepareSchema(database);
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** @throws Error when the database is not on a small disk */
  static of(database: DatabaseUnderTest): SmallDiskDatabase {
    if (database instanceof SmallDiskDatabase) return database;
    throw new Error('This fault needs a database on a small disk.');
  }

  get directOptions(): DataSourceOptions {
    return this.options;
  }

  close(): Promise<void> {
    this.disk.remove();
    return Promise.resolve();
  }
}
