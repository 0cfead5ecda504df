import type { Clock } from '../clock.js';
import type { DatabaseConnection } from './database.connection.js';

/**
 * Clock of the database. Between measurements, this process's monotonic clock advances it. SQLite has no clock of its
 * own, so there it is this machine's.
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

  /** Milliseconds by which the clock of the database is ahead of the one of this machine. */
  get offset(): number {
    return this.now() - Date.now();
  }

  /**
   * Corrects the clock; called at boot and with each lease renewal. The answer dates from some moment between the
   * question and its arrival. The clock is moved into that span and no further, so a slow answer does not falsify it.
   *
   * @returns the milliseconds by which it was moved; negative if it was set back
   */
  async measure(): Promise<number> {
    const { now } = this.connection.dialect;
    const asked = performance.now();
    const answer = now ? Number((await this.connection.execute(now, 'urgent')).records[0]?.now) : Date.now();
    const earliest = answer - performance.now();
    const latest = answer - asked;
    const before = this.#epochAtStart;
    this.#epochAtStart = Math.min(Math.max(before, earliest), latest);
    return Math.round(this.#epochAtStart - before);
  }
}
