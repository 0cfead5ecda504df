import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import type { ClaimedDelivery, ClaimKey, Lease } from '../../inbox/delivery.factory.js';
import { ClaimRepository } from '../../inbox/claim.repository.js';
import { HandlerRunRepository } from '../../inbox/handler-run.repository.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { DeliverySettler } from '../dispatch/delivery.settler.js';
import { DeliveryPool } from './delivery.pool.js';
import { DeliveryRescuer } from './delivery.rescuer.js';
import { isPoisonSuspect } from './in-flight.deliveries.js';
import { LeaseRenewer } from './lease.renewer.js';

const MAX_CLAIM_ROWS = 500;
/** Delay of the poll after one that has found something. */
const MIN_POLL_DELAY_MS = 100;
/** Most deliveries that are returned before their lease expires. */
const MAX_ABANDONED = 1_000;

/**
 * Claims deliveries for the pool while it has capacity. Rescues those with an expired lease first, then claims those
 * that are due.
 */
@Injectable()
export class DeliveryPoller {
  private readonly abandoned = new Map<string, Lease>();
  private hasMore = false;
  private isRescueDue = false;
  private polling?: Promise<void>;
  private timer?: NodeJS.Timeout;
  /** Delay of the poll between two intervals. It doubles each time that nothing is found. */
  private delay = Infinity;
  private soon?: NodeJS.Timeout;

  constructor(
    private readonly repository: ClaimRepository,
    private readonly runs: HandlerRunRepository,
    private readonly rescuer: DeliveryRescuer,
    private readonly settler: DeliverySettler,
    private readonly renewer: LeaseRenewer,
    private readonly pool: DeliveryPool,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    pool.onDeparture((claim) => {
      if (claim && isPoisonSuspect(claim.delivery)) this.rescueMore();
      else this.fetchMore();
    });
  }

  /** Polls now, and then at every interval. Polls sooner once it has found something: more may follow. */
  start(): void {
    this.isRescueDue = true;
    this.poll();
    this.timer = setTimeout(() => this.start(), this.settings.pollInterval);
  }

  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.soon);
  }

  /** Polls as soon as the pool has capacity. Call it when a delivery was recorded without a lease. */
  notify(): void {
    this.hasMore = true;
    this.fetchMore();
  }

  /** Resolves when the poll that is running has ended. */
  async settled(): Promise<void> {
    await this.polling;
  }

  /**
   * Returns deliveries that this worker has the lease of, or may have, and does not process. It is tried at each poll
   * until the lease expires, because the database may record a delivery late.
   */
  returnLater(claims: readonly ClaimKey[], expiresAt: number): void {
    // An outage may leave any number of them. More wait for their lease to end.
    for (const { id, claimId } of claims.slice(0, this.abandonedRoom)) this.abandoned.set(id, { claimId, expiresAt });
  }

  private get abandonedRoom(): number {
    return Math.max(0, MAX_ABANDONED - this.abandoned.size);
  }

  private async returnAbandoned(): Promise<void> {
    const now = this.clock.now();
    for (const [id, { expiresAt }] of this.abandoned) if (expiresAt < now) this.abandoned.delete(id);
    if (this.abandoned.size === 0) return;
    // What was returned may be claimed by this worker next, and must not be returned again.
    const claims = [...this.abandoned].map(([id, { claimId }]) => ({ id, claimId }));
    for (const id of await this.settler.release(claims)) this.abandoned.delete(id);
  }

  /** Rescues the next suspect at once. They follow each other, because one may crash this worker. */
  private rescueMore(): void {
    this.isRescueDue = true;
    this.poll();
  }

  private fetchMore(): void {
    if (this.hasMore && this.pool.capacity > 0) this.poll();
  }

  /** Starts a poll unless one is running. Deliveries that become due meanwhile are left to the next poll. */
  private poll(): void {
    if (!this.pool.isAccepting || this.polling) return;
    this.polling = this.claim()
      .catch((error: unknown) => {
        const failure = { operation: 'claim', count: 0, error: formatDatabaseError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
      })
      .finally(() => {
        this.polling = undefined;
        this.fetchMore();
      });
  }

  private async claim(): Promise<void> {
    this.hasMore = false;
    const lease = this.renewer.newLease();
    if (this.isRescueDue) {
      this.isRescueDue = false;
      this.returnLater(this.pool.takeExcess(Math.min(MAX_CLAIM_ROWS, this.abandonedRoom)), lease.expiresAt);
      await this.returnAbandoned();
      await this.admit(await this.rescuer.rescue(lease, this.limit), lease);
    }
    const { limit } = this;
    const due = limit > 0 ? await this.repository.claim(lease, this.clock.now(), limit, this.handlers.byStatus) : [];
    this.hasMore ||= due.length === limit;
    await this.admit(due, lease);
    if (limit > 0) this.pollSoon(due.length > 0);
  }

  private pollSoon(hasFound: boolean): void {
    this.delay = hasFound ? MIN_POLL_DELAY_MS : this.delay * 2;
    clearTimeout(this.soon);
    if (this.delay >= this.settings.pollInterval || !this.pool.isAccepting) return;
    this.soon = setTimeout(() => this.poll(), this.delay);
  }

  private get limit(): number {
    return Math.min(MAX_CLAIM_ROWS, this.pool.capacity);
  }

  private async admit(claimed: readonly ClaimedDelivery[], lease: Lease): Promise<void> {
    const ids = claimed.filter(hasBegunBefore).map(({ id }) => id);
    const toClaims = (deliveries: readonly ClaimedDelivery[]) =>
      deliveries.map(({ id }) => ({ id, claimId: lease.claimId }));
    const previousRuns = await this.runs.findByDeliveries(ids).catch((error: unknown) => {
      this.returnLater(toClaims(claimed), lease.expiresAt);
      throw error;
    });
    // It can be due again before this worker hears that its outcome was written.
    const early = claimed.filter((delivery) => !this.pool.add(delivery, lease, previousRuns.get(delivery.id)));
    this.returnLater(toClaims(early), lease.expiresAt);
  }
}

/** Returns true for a delivery that may have stored runs. A query for the others would find none. */
function hasBegunBefore({ attempts, replays }: ClaimedDelivery): boolean {
  return attempts > 1 || replays > 0;
}
