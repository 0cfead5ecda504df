import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import type { ClaimedDelivery, Lease } from '../../inbox/delivery.factory.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import { HandlerRunRepository } from '../../inbox/handler-run.repository.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { DeliveryPool } from './delivery.pool.js';
import { DeliveryRescuer } from './delivery.rescuer.js';
import { LeaseRenewer } from './lease.renewer.js';

const MAX_CLAIM_ROWS = 500;

/**
 * Claims deliveries for the pool while it has capacity. Rescues those with an expired lease first, then claims those
 * that are due.
 */
@Injectable()
export class DeliveryPoller {
  private hasMore = false;
  private isRescueDue = false;
  private polling?: Promise<void>;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly repository: DeliveryStateRepository,
    private readonly runs: HandlerRunRepository,
    private readonly rescuer: DeliveryRescuer,
    private readonly renewer: LeaseRenewer,
    private readonly pool: DeliveryPool,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    pool.onDeparture(() => this.fetchMore());
  }

  /** Polls now, and then at every interval. */
  start(): void {
    this.isRescueDue = true;
    this.poll();
    this.timer = setTimeout(() => this.start(), this.settings.pollInterval);
  }

  stop(): void {
    clearTimeout(this.timer);
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
      await this.admit(await this.rescuer.rescue(lease, this.limit), lease);
    }
    const { limit } = this;
    const due = limit > 0 ? await this.repository.claim(lease, this.clock.now(), limit, this.handlers.byStatus) : [];
    this.hasMore ||= due.length === limit;
    await this.admit(due, lease);
  }

  private get limit(): number {
    return Math.min(MAX_CLAIM_ROWS, this.pool.capacity);
  }

  private async admit(claimed: readonly ClaimedDelivery[], lease: Lease): Promise<void> {
    const previousRuns = await this.runs.findByDeliveries(claimed.filter(hasBegunBefore).map(({ id }) => id));
    for (const delivery of claimed) this.pool.add(delivery, lease, previousRuns.get(delivery.id));
  }
}

/** Returns true for a delivery that may have stored runs. A query for the others would find none. */
function hasBegunBefore({ attempts, replays }: ClaimedDelivery): boolean {
  return attempts > 1 || replays > 0;
}
