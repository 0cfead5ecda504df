import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';
import type { DeliverySource } from '../../instrumentation/occurrences.js';
import { Clock } from '../../clock.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import { isPoisonSuspect, type ClaimedDelivery, type ClaimKey, type Lease } from '../../inbox/claimed-delivery.js';
import { HandlerRunRepository } from '../../inbox/handler-run.repository.js';
import { DeliverySettler } from '../dispatch/delivery.settler.js';
import { DeliveryPool } from './delivery.pool.js';
import { DeliveryRescuer } from './delivery.rescuer.js';
import { DueDeliveries } from './due.deliveries.js';
import { LeaseRenewer } from './lease.renewer.js';

const MAX_CLAIM_ROWS = 500;
/** Delay of the poll after one that has found something. */
const MIN_POLL_DELAY_MS = 100;
/** Shortest time without the end of a poll after which it is stuck. */
const STUCK_MS = 30_000;
const STUCK_INTERVALS = 10;
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
  private lastEndedAt = performance.now();
  private timer?: NodeJS.Timeout;
  /** Delay of the poll between two intervals. It doubles each time that nothing is found. */
  private delay = Infinity;
  private soon?: NodeJS.Timeout;

  constructor(
    private readonly due: DueDeliveries,
    private readonly runs: HandlerRunRepository,
    private readonly rescuer: DeliveryRescuer,
    private readonly settler: DeliverySettler,
    private readonly renewer: LeaseRenewer,
    private readonly pool: DeliveryPool,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    pool.onCapacity((claim) => {
      if (claim && isPoisonSuspect(claim.delivery.rescues)) this.rescueMore();
      else this.fetchMore();
    });
  }

  /** Polls now, and then at every interval. Polls sooner once it has found something: more may follow. */
  start(): void {
    if (!this.timer) this.lastEndedAt = performance.now();
    this.isRescueDue = true;
    this.poll();
    this.timer = setTimeout(() => this.start(), this.settings.pollInterval);
  }

  /** True when no poll has ended for a long time, not even with an error. */
  get isStuck(): boolean {
    const longest = Math.max(STUCK_MS, STUCK_INTERVALS * this.settings.pollInterval);
    return this.pool.isAccepting && performance.now() - this.lastEndedAt > longest;
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
  async whenIdle(): Promise<void> {
    await this.polling;
  }

  /**
   * Returns deliveries that this worker has the lease of, or may have, and does not process. It is tried at each poll
   * until the lease expires, because the database may record a delivery late.
   */
  releaseLater(claims: readonly ClaimKey[], expiresAt: number): void {
    // An outage may leave any number of them. More wait for their lease to end.
    for (const { id, claimId } of claims.slice(0, this.abandonedCapacity))
      this.abandoned.set(id, { claimId, expiresAt });
  }

  private get abandonedCapacity(): number {
    return Math.max(0, MAX_ABANDONED - this.abandoned.size);
  }

  private async releaseAbandoned(): Promise<void> {
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
        const failure = { operation: 'claim', count: 0, error: toOccurrenceError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
      })
      .finally(() => {
        this.polling = undefined;
        this.lastEndedAt = performance.now();
        this.fetchMore();
      });
  }

  private async claim(): Promise<void> {
    this.hasMore = false;
    const lease = this.renewer.newLease();
    if (this.isRescueDue) {
      this.isRescueDue = false;
      this.releaseLater(this.pool.takeExcess(Math.min(MAX_CLAIM_ROWS, this.abandonedCapacity)), lease.expiresAt);
      await this.releaseAbandoned();
      await this.admit(await this.follow(this.rescuer.rescue(lease, this.limit)), 'rescue', lease);
    }
    const { limit } = this;
    const due = limit > 0 ? await this.follow(this.due.claim(lease, limit)) : [];
    this.hasMore ||= due.length === limit;
    if (due.length > 0 && this.instrumentation.hasSubscribers('claimed'))
      this.instrumentation.announce('claimed', { deliveryIds: due.map(({ id }) => id) });
    await this.admit(due, 'claim', lease);
    if (limit > 0) this.pollSoon(due.length > 0);
  }

  private async follow<D extends readonly ClaimedDelivery[]>(claiming: Promise<D>): Promise<D> {
    const begunAt = performance.now();
    const claimed = await claiming;
    this.telemetry.batch('claim', claimed, begunAt);
    return claimed;
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

  private async admit(claimed: readonly ClaimedDelivery[], source: DeliverySource, lease: Lease): Promise<void> {
    const ids = claimed.filter(hasBegunBefore).map(({ id }) => id);
    const toClaims = (deliveries: readonly ClaimedDelivery[]) =>
      deliveries.map(({ id }) => ({ id, claimId: lease.claimId }));
    const previousRuns = await this.runs.findByDeliveries(ids).catch((error: unknown) => {
      this.releaseLater(toClaims(claimed), lease.expiresAt);
      throw error;
    });
    const anew = { source, previousRuns: [] }; // one for all: a queue may hold thousands of them
    const originOf = ({ id }: ClaimedDelivery) => {
      const runs = previousRuns.get(id);
      return runs ? { source, previousRuns: runs } : anew;
    };
    // It can be due again before this worker has learned that its outcome was written.
    const early = claimed.filter((delivery) => !this.pool.add(delivery, lease, originOf(delivery)));
    this.releaseLater(toClaims(early), lease.expiresAt);
  }
}

/** Returns true for a delivery that may have stored runs. A query for the others would find none. */
function hasBegunBefore({ dispatches, replays }: ClaimedDelivery): boolean {
  return dispatches > 1 || replays > 0;
}
