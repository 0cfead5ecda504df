import type { Clock } from '../clock.js';
import type { DatabaseConnection } from './database.connection.js';

/**
 * The database's clock, carried on between measurements by this process's monotonic one. Where the database has no
 * clock of its own (SQLite), it is this machine's.
 */
export class DatabaseClock implements Clock {
  #epochAtStart = performance.timeOrigin;

  private constructor(private readonly connection: DatabaseConnection) {}

  static async measured(connection: DatabaseConnection): Promise<DatabaseClock> {
    const clock = new DatabaseClock(connection);
    await clock.measure();
    return clock;
  }

  now(): number {
    return Math.round(this.#epochAtStart + performance.now());
  }

  /**
   * To be called at boot and with each lease renewal. An answer is from some moment while it was waited for: the clock
   * is moved into that span and no further, so that a database that answers late does not put it wrong.
   */
  async measure(): Promise<void> {
    const { now } = this.connection.dialect;
    const asked = performance.now();
    const answer = now ? Number((await this.connection.execute(now)).records[0]?.now) : Date.now();
    const earliest = answer - performance.now();
    const latest = answer - asked;
    this.#epochAtStart = Math.min(Math.max(this.#epochAtStart, earliest), latest);
  }
}
