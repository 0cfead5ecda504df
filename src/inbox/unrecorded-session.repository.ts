import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { sql } from '../database/sql.js';
import { idempotencyKey } from './delivery.identity.js';
import { Tables } from './tables.js';

/** Sessions that are remembered. The oldest are dropped first. */
const MAX_SESSIONS = 10_000;
const KEYS_PER_QUERY = 500;

/**
 * Session whose POST this instance answered 503, and that is not in the inbox.
 *
 * @publicApi
 */
export interface UnrecordedSession {
  /** The verification session. */
  readonly sessionId: string;
  /** Tenant of the session; empty without tenants. */
  readonly tenant: string;
  /** Number of times that it was answered 503. */
  readonly times: number;
  /** Time of the last of them, in epoch milliseconds of the database's clock. */
  readonly lastAt: number;
}

/** Remembers the sessions of POSTs that could not be recorded on this instance since it started. */
@Injectable()
export class UnrecordedSessionRepository {
  readonly #sessions = new Map<string, UnrecordedSession>();

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  add(sessionId: string, tenant: string): void {
    const key = idempotencyKey(tenant, sessionId);
    const times = 1 + (this.#sessions.get(key)?.times ?? 0);
    this.#sessions.delete(key); // to the end
    this.#sessions.set(key, { sessionId, tenant, times, lastAt: this.clock.now() });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
  }

  /** Returns those that are not in the inbox by now, oldest first. Forgets the others. */
  async list(): Promise<UnrecordedSession[]> {
    const keys = [...this.#sessions.keys()];
    for (let n = 0; n < keys.length; n += KEYS_PER_QUERY) {
      const { records } = await this.connection.execute(
        sql`SELECT idempotency_key FROM ${this.tables.delivery}
            WHERE ${this.connection.dialect.isOneOf('idempotency_key', keys.slice(n, n + KEYS_PER_QUERY))}`,
        'operating',
      );
      for (const { idempotency_key } of records) this.#sessions.delete(String(idempotency_key));
    }
    return [...this.#sessions.values()];
  }
}
