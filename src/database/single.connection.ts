import type { DataSource } from 'typeorm';
import { Semaphore } from '../concurrency/semaphore.js';
import { DatabaseConnection } from './database.connection.js';
import type { Dialect } from './dialect/dialect.js';

/** The one connection to a SQLite file or memory. Statements and transactions run on it one at a time. */
export class SingleConnection extends DatabaseConnection {
  readonly #rollbackListeners: (() => Promise<void>)[] = [];

  constructor(dataSource: DataSource, dialect: Dialect, host: DataSource) {
    super(dataSource, dialect, host, new Semaphore(1), new Semaphore(1));
  }

  override onRollback(listener: () => Promise<void>): void {
    this.#rollbackListeners.push(listener);
  }

  override async close(): Promise<void> {
    if (this.dataSource === this.reader) return;
    await this.connections.run(async () => {
      if (this.dataSource.isInitialized) await this.dataSource.destroy();
    });
  }

  /** Statements outside the queue run in whichever transaction is open, and are undone with it. */
  protected override async afterRollback(): Promise<void> {
    await Promise.all(this.#rollbackListeners.map((listener) => listener()));
  }
}
