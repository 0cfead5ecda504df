import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { BoundedMap } from '../concurrency/bounded-map.js';
import { idempotencyKey } from './delivery.identity.js';
import { DeliveryLookupQueries } from './delivery-lookup.queries.js';

/** Sessions that are remembered. The oldest are dropped first. */
const MAX_SESSIONS = 10_000;

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
export class UnrecordedSessions {
  readonly #sessions = new BoundedMap<string, UnrecordedSession>(MAX_SESSIONS);

  constructor(
    private readonly lookup: DeliveryLookupQueries,
    private readonly clock: Clock,
  ) {}

  add(sessionId: string, tenant: string): void {
    const key = idempotencyKey(tenant, sessionId);
    const times = 1 + (this.#sessions.get(key)?.times ?? 0);
    this.#sessions.set(key, { sessionId, tenant, times, lastAt: this.clock.now() });
  }

  /** Returns those that are not in the inbox by now, oldest first. Forgets the others. */
  async list(): Promise<UnrecordedSession[]> {
    for (const key of await this.lookup.recordedAmong([...this.#sessions.keys()])) this.#sessions.delete(key);
    return [...this.#sessions.values()];
  }
}
