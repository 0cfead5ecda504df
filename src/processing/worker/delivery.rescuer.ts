import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { RescueRepository, type RescueLook } from '../../inbox/rescue.repository.js';
import type { ClaimedDelivery, Lease } from '../../inbox/delivery.factory.js';
import { MAX_LEASE_MS, PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { InFlightDeliveries, type LostClaim } from './in-flight.deliveries.js';

/**
 * Rescues deliveries whose lease has expired. A delivery whose lease has expired twice in a row may be a poison
 * message, so this worker processes one of them at a time. After the third time, it is dead.
 */
@Injectable()
export class DeliveryRescuer {
  /** Duration of a lease: time between two looks for leases that end too late. */
  private readonly interval: number;
  private lastLookAt = 0;

  constructor(
    private readonly repository: RescueRepository,
    private readonly inFlight: InFlightDeliveries,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) { lease }: ProcessingSettings,
  ) {
    this.interval = lease;
  }

  async rescue(lease: Lease, capacity: number): Promise<ClaimedDelivery[]> {
    const { inFlight } = this;
    const now = this.clock.now();
    await this.forgiveRescues(lease, now);
    await this.expireForeignLeases(now);
    const deadLettered = await this.repository.deadLetterPoisoned(lease, now, this.untouchable);
    if (deadLettered > 0) this.instrumentation.announce('poisoned', { count: deadLettered });
    if (capacity === 0) return [];
    const look = { lease, now, except: this.untouchable };
    const rescued = await this.repository.rescueExpired({ ...look, limit: capacity, suspects: false });
    const foreign = await this.rescueForeign({ ...look, limit: capacity - rescued.length, suspects: false });
    const others = [...rescued, ...foreign];
    const suspects = inFlight.hasPoisonSuspect || others.length === capacity ? [] : await this.rescueSuspect(look);
    const all = [...others, ...suspects];
    if (all.length > 0) this.instrumentation.announce('rescued', { count: all.length });
    return all;
  }

  private async rescueSuspect(look: Omit<RescueLook, 'limit' | 'suspects'>): Promise<readonly ClaimedDelivery[]> {
    const one = { ...look, limit: 1, suspects: true };
    const known = await this.repository.rescueExpired(one);
    return known.length > 0 ? known : this.rescueForeign(one);
  }

  /** For the time of a lease, workers with the same handlers as one that has crashed come first. */
  private async rescueForeign(look: RescueLook): Promise<readonly ClaimedDelivery[]> {
    if (look.limit === 0) return [];
    const { rescued, unknown } = await this.repository.rescueForeign(look, this.handlers.byStatus, this.interval);
    for (const deliveryId of unknown) this.instrumentation.announce('rescued-foreign', { deliveryId });
    return rescued;
  }

  /** Ids of the deliveries that are not rescued: in flight here, or lost a moment ago and not reported yet. */
  private get untouchable(): string[] {
    const unreported = [...this.inFlight.lost].filter(([, { isReported }]) => !isReported).map(([id]) => id);
    return [...this.inFlight.ids, ...unreported];
  }

  /**
   * Tells that this worker has not crashed, although its leases have expired. Another worker may rescue a delivery only
   * later, when its lease has expired. It is told again until then, and for a lease more.
   */
  private async forgiveRescues(lease: Lease, now: number): Promise<void> {
    const ids = [...this.inFlight.lost.keys()];
    const forgiven = await this.repository.forgiveRescues(lease, ids);
    const isOver = (id: string, { leaseExpiresAt }: LostClaim) =>
      forgiven.has(id) || leaseExpiresAt + this.interval < now;
    this.inFlight.reportedLost(ids, isOver); // and none that was lost meanwhile
  }

  /** Ends leases that were given before the clock of the database was set back. */
  private async expireForeignLeases(now: number): Promise<void> {
    if (Math.abs(now - this.lastLookAt) < this.interval) return;
    this.lastLookAt = now;
    await this.repository.expireLeasesAfter(now + MAX_LEASE_MS, now);
  }
}
