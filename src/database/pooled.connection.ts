import type { DataSource } from 'typeorm';
import { Semaphore } from '../concurrency/semaphore.js';
import { DatabaseConnection } from './database.connection.js';
import type { Dialect } from './dialect/dialect.js';

/** Connections of the host's pool that handlers' transactions leave free, so that receiving goes on. */
const RESERVED_CONNECTIONS = 4;

/** The host's pool of connections to PostgreSQL, MariaDB or MySQL. */
export class PooledConnection extends DatabaseConnection {
  constructor(host: DataSource, dialect: Dialect, poolSize: number) {
    const handlerTransactions = Math.max(1, poolSize - RESERVED_CONNECTIONS);
    super(host, dialect, host, new Semaphore(poolSize), new Semaphore(handlerTransactions));
  }

  /** Does nothing: a statement outside the queue has a connection of its own, and no transaction around it. */
  override onRollback(): void {}

  protected override afterRollback(): Promise<void> {
    return Promise.resolve();
  }

  /** Leaves the pool to the host. */
  override close(): Promise<void> {
    return Promise.resolve();
  }
}
