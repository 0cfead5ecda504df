import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { DatabaseClock } from '../../database/database.clock.js';
import { DatabaseTimeoutError, toOccurrenceError } from '../../database/database.errors.js';
import { ClaimRepository } from '../../inbox/claim.repository.js';
import { claimId, type Lease } from '../../inbox/claimed-delivery.js';
import { WorkerIdentity } from '../worker.identity.js';
import { InFlightDeliveries } from './in-flight.deliveries.js';

/** Most by which two clocks are apart after a lease, without one of them having been set. */
const MAX_DRIFT_MS = 1_000;

/**
 * Renews the leases of the deliveries in flight, by id. A row whose insert was committed without the knowledge of this
 * worker is not renewed, so that another worker can rescue it. A claim that cannot be renewed in time is cancelled
 * before another worker may rescue its delivery.
 */
@Injectable()
export class LeaseRenewer {
  private readonly duration: number;
  private claims = 0;
  private timer?: NodeJS.Timeout;
  private lastEndedAt = Infinity;
  private stopped = false;

  constructor(
    private readonly repository: ClaimRepository,
    private readonly inFlight: InFlightDeliveries,
    private readonly identity: WorkerIdentity,
    private readonly databaseClock: DatabaseClock,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) { lease }: ProcessingSettings,
  ) {
    this.duration = lease;
  }

  /** Returns a lease for one more claim. */
  newLease(): Lease {
    return { claimId: claimId(this.identity.id, ++this.claims, this.identity.handlers), expiresAt: this.expiry() };
  }

  private expiry(): number {
    return this.clock.now() + this.duration;
  }

  /** Renews at intervals. Measures the database's clock each time, even when no delivery is in flight. */
  start(): void {
    if (this.stopped) return;
    this.lastEndedAt = performance.now();
    this.renewIn(this.duration / 3);
  }

  /** True when no renewal has ended for the time of a lease, not even with an error, while deliveries are in flight. */
  get isStalled(): boolean {
    return !this.stopped && this.inFlight.size > 0 && performance.now() - this.lastEndedAt > this.duration;
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private renewIn(milliseconds: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.renew(), milliseconds);
  }

  private async renew(): Promise<void> {
    const timeout = this.duration / 6;
    let nextIn = this.duration / 3;
    try {
      await withTimeout(this.renewNow(), timeout, () => new DatabaseTimeoutError(timeout));
    } catch (error) {
      const failure = { operation: 'renew', count: this.inFlight.size, error: toOccurrenceError(error) } as const;
      this.instrumentation.announce('database-unavailable', failure);
      nextIn = this.duration / 10; // there is time for another try, or two
    }
    const nextAnswerAt = this.clock.now() + nextIn + timeout;
    const lost = this.inFlight.evictUnrenewed(({ leaseExpiresAt }) => leaseExpiresAt <= nextAnswerAt);
    if (lost > 0) this.instrumentation.announce('lease-lost', { count: lost, of: 'deliveries', why: 'not-renewed' });
    this.lastEndedAt = performance.now();
    this.renewIn(nextIn);
  }

  private async renewNow(): Promise<void> {
    const { claims } = this.inFlight;
    const step = await this.databaseClock.measure();
    if (Math.abs(step) > MAX_DRIFT_MS) this.instrumentation.announce('clock-stepped', { ms: step });
    if (claims.length === 0) return;
    const expiresAt = this.expiry();
    const begunAt = performance.now();
    const { renewed, rescued, erased } = await this.repository.renew(claims, expiresAt);
    this.instrumentation.announce('renewed', { count: renewed.size, duration: performance.now() - begunAt });
    this.inFlight.extend(
      claims.filter(({ id }) => renewed.has(id)),
      expiresAt,
    );
    const held = new Set(claims);
    const lost = this.inFlight.evict((claim) => held.has(claim) && rescued.has(claim.id));
    if (lost > 0) this.instrumentation.announce('lease-lost', { count: lost, of: 'deliveries', why: 'rescued' });
    const gone = this.inFlight.evict((claim) => held.has(claim) && erased.has(claim.id), 'The delivery was erased.');
    if (gone > 0) this.instrumentation.announce('lease-lost', { count: gone, of: 'deliveries', why: 'erased' });
  }
}
