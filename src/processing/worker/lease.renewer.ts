import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { DatabaseClock } from '../../database/database.clock.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { DatabaseConnection } from '../../database/database.connection.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import type { Lease } from '../../inbox/delivery.factory.js';
import { WorkerIdentity } from '../worker.identity.js';
import { InFlightDeliveries } from './in-flight.deliveries.js';

/**
 * Renews the leases of the deliveries in flight, by id. A row whose insert was committed without the knowledge of this
 * worker is not renewed, so that another worker can rescue it. A claim that cannot be renewed in time is cancelled
 * before another worker may rescue its delivery.
 */
@Injectable()
export class LeaseRenewer {
  private readonly duration: number;
  private timer?: NodeJS.Timeout;
  private stopped = false;

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly repository: DeliveryStateRepository,
    private readonly inFlight: InFlightDeliveries,
    private readonly identity: WorkerIdentity,
    private readonly databaseClock: DatabaseClock,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) { lease }: ProcessingSettings,
  ) {
    this.duration = lease;
  }

  newLease(): Lease {
    return { owner: this.identity.owner, expiresAt: this.clock.now() + this.duration };
  }

  /**
   * Renews at intervals, and at once after a rollback that may have undone a renewal. Measures the database's clock
   * each time, even when no delivery is in flight.
   */
  start(): void {
    if (this.stopped) return;
    this.connection.onRollback(() => this.renewNow().catch(() => {})); // the next renewal follows soon
    this.renewIn(this.duration / 3);
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
      const makeError = () => new Error(`The database did not answer within ${timeout} ms.`);
      await withTimeout(this.renewNow(), timeout, makeError);
    } catch (error) {
      const failure = { operation: 'renew', count: this.inFlight.size, error: formatDatabaseError(error) } as const;
      this.instrumentation.announce('database-unavailable', failure);
      nextIn = this.duration / 10; // there is time for another try, or two
    }
    const nextAnswerAt = this.clock.now() + nextIn + timeout;
    const lost = this.inFlight.evict(({ leaseExpiresAt }) => leaseExpiresAt <= nextAnswerAt);
    if (lost > 0) this.instrumentation.announce('lease-lost', { count: lost, why: 'not-renewed' });
    this.renewIn(nextIn);
  }

  private async renewNow(): Promise<void> {
    const { ids } = this.inFlight;
    await this.databaseClock.measure();
    if (ids.length === 0) return;
    const lease = this.newLease();
    const mine = await this.repository.renew(lease, ids);
    this.inFlight.extend(mine, lease);
    const asked = new Set(ids);
    const lost = this.inFlight.evict(({ delivery: { id } }) => asked.has(id) && !mine.has(id));
    if (lost > 0) this.instrumentation.announce('lease-lost', { count: lost, why: 'rescued' });
  }
}
