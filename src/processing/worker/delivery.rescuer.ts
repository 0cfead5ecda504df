import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { DUE_BATCH, RescueRepository, type RescueQuery } from '../../inbox/rescue.repository.js';
import type { ClaimedDelivery, Lease } from '../../inbox/claimed-delivery.js';
import { MAX_LEASE_MS, PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { InFlightDeliveries, type LostClaim } from './in-flight.deliveries.js';

/**
 * Rescues deliveries whose lease has expired. A delivery whose lease has expired twice in a row may be a poison
 * message, so this worker processes one of them at a time. After the third time, it is dead.
 */
@Injectable()
export class DeliveryRescuer {
  /** Duration of a lease: time between two looks for times that are too late. */
  private readonly leaseMs: number;
  private lastLookAheadAt = 0;

  constructor(
    private readonly repository: RescueRepository,
    private readonly inFlight: InFlightDeliveries,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) { lease }: ProcessingSettings,
  ) {
    this.leaseMs = lease;
  }

  async rescue(lease: Lease, capacity: number): Promise<ClaimedDelivery[]> {
    const { inFlight } = this;
    const now = this.clock.now();
    await this.undoRescues(lease, now);
    await this.undoFutureTimes(now);
    const deadLettered = await this.repository.deadLetterPoisoned(lease, now, this.excludedIds);
    if (deadLettered > 0) this.instrumentation.announce('poisoned', { count: deadLettered });
    if (capacity === 0) return [];
    const query = { lease, now, except: this.excludedIds };
    const rescued = await this.repository.rescueExpired({ ...query, limit: capacity, suspects: false });
    const foreign = await this.rescueForeign({ ...query, limit: capacity - rescued.length, suspects: false });
    const others = [...rescued, ...foreign];
    const suspects = inFlight.hasPoisonSuspect || others.length === capacity ? [] : await this.rescueSuspect(query);
    const all = [...others, ...suspects];
    if (all.length > 0) this.instrumentation.announce('rescued', { deliveryIds: all.map(({ id }) => id) });
    return all;
  }

  private async rescueSuspect(query: Omit<RescueQuery, 'limit' | 'suspects'>): Promise<readonly ClaimedDelivery[]> {
    const one = { ...query, limit: 1, suspects: true };
    const known = await this.repository.rescueExpired(one);
    return known.length > 0 ? known : this.rescueForeign(one);
  }

  /**
   * Rescues deliveries of workers with other handlers. For the time of a lease, workers with the same handlers as one
   * that has crashed come first.
   */
  private async rescueForeign(query: RescueQuery): Promise<readonly ClaimedDelivery[]> {
    if (query.limit === 0) return [];
    const { rescued, unknown } = await this.repository.rescueForeign(query, this.handlers.byStatus, this.leaseMs);
    for (const deliveryId of unknown) this.instrumentation.announce('rescued-without-runs', { deliveryId });
    return rescued;
  }

  /** Ids of the deliveries that are not rescued: in flight here, or lost a moment ago and not reported yet. */
  private get excludedIds(): string[] {
    const unreported = [...this.inFlight.lost].filter(([, { isReported }]) => !isReported).map(([id]) => id);
    return [...this.inFlight.ids, ...unreported];
  }

  /**
   * Tells that this worker has not crashed, although its leases have expired. Another worker may rescue a delivery only
   * later, when its lease has expired. It is told again until then, and for a lease more.
   */
  private async undoRescues(lease: Lease, now: number): Promise<void> {
    const ids = [...this.inFlight.lost.keys()];
    const undone = await this.repository.undoRescues(lease, ids);
    const isOver = (id: string, { leaseExpiresAt }: LostClaim) => undone.has(id) || leaseExpiresAt + this.leaseMs < now;
    this.inFlight.markReported(ids, isOver); // and none that was lost meanwhile
  }

  /** Ends leases, and waits before a first attempt, that began before the clock of the database was set back. */
  private async undoFutureTimes(now: number): Promise<void> {
    if (Math.abs(now - this.lastLookAheadAt) < this.leaseMs) return;
    const latest = now + MAX_LEASE_MS;
    await this.repository.expireLeasesAfter(latest, now);
    // At the start, and after a step back: it reads all that waits for longer, of which there may be many.
    const mayHaveStepped = this.lastLookAheadAt === 0 || now < this.lastLookAheadAt;
    const due = mayHaveStepped ? await this.repository.makeDueAfter(latest, now) : 0;
    if (due < DUE_BATCH) this.lastLookAheadAt = now; // else there are more
  }
}
