import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import { furnish, type Ground } from '../ground.js';
import { SmallDisk } from './small-disk.js';

const MEGABYTES = 24;

/** A file of SQLite on a small disk of its own. */
export class DiskGround implements Ground {
  readonly kind = 'sqlite';
  readonly options: DataSourceOptions;
  readonly disk = SmallDisk.mounted(MEGABYTES);

  private constructor() {
    this.options = { type: 'better-sqlite3', database: join(this.disk.folder, 'chaos.sqlite') };
  }

  static async open(): Promise<DiskGround> {
    const ground = new DiskGround();
    try {
      await furnish(ground);
      return ground;
    } catch (error) {
      await ground.close();
      throw error;
    }
  }

  /** @throws Error where the database is on the machine's own disk */
  static of(ground: Ground): DiskGround {
    if (ground instanceof DiskGround) return ground;
    throw new Error('This fault is for a small disk.');
  }

  get direct(): DataSourceOptions {
    return this.options;
  }

  close(): Promise<void> {
    this.disk.remove();
    return Promise.resolve();
  }
}
