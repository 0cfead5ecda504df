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

/** Claims deliveries for the pool while it has capacity: what other workers left behind first, then what is due. */
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

  /** Polls now and at every interval from now on. */
  start(): void {
    this.isRescueDue = true;
    this.poll();
    this.timer = setTimeout(() => this.start(), this.settings.pollInterval);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** Says that there is something to claim. */
  notify(): void {
    this.hasMore = true;
    this.fetchMore();
  }

  /** Resolves when the poll that is under way has come to its end. */
  async settled(): Promise<void> {
    await this.polling;
  }

  private fetchMore(): void {
    if (this.hasMore && this.pool.capacity > 0) this.poll();
  }

  /** One at a time: what comes meanwhile is left to the next poll, or to the next that is known to find more. */
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

/** Whether something may be remembered of its handlers. */
function hasBegunBefore({ attempts, replays }: ClaimedDelivery): boolean {
  return attempts > 1 || replays > 0;
}
