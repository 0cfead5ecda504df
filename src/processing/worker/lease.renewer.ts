import { Inject, Injectable, Logger } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';
import { Clock } from '../../clock.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { DatabaseClock } from '../../database/database.clock.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { DatabaseConnection } from '../../database/database.connection.js';
import { DeliveryRepository } from '../../inbox/delivery.repository.js';
import type { Lease } from '../../inbox/delivery.factory.js';
import type { InFlightDeliveries } from './in-flight.deliveries.js';

/**
 * Renews the leases of what is in hand, naming each: a row whose insert landed late must not be kept alive by a worker
 * that does not know it. What it cannot renew in time it lets go, before another worker may begin with it.
 */
@Injectable()
export class LeaseRenewer {
  /** Who this worker is; a new one at every start. */
  readonly owner = uuidv7();
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private readonly duration: number;
  private timer?: NodeJS.Timeout;
  private stopped = false;

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly repository: DeliveryRepository,
    private readonly databaseClock: DatabaseClock,
    private readonly clock: Clock,
    @Inject(PROCESSING_SETTINGS) { lease }: ProcessingSettings,
  ) {
    this.duration = lease;
  }

  newLease(): Lease {
    return { owner: this.owner, expiresAt: this.clock.now() + this.duration };
  }

  start(inFlight: InFlightDeliveries, after = this.duration / 3): void {
    if (this.stopped) return;
    this.connection.afterRollback = () => this.renewNow(inFlight).catch(() => {}); // the next renewal is not far
    this.timer = setTimeout(() => void this.renew(inFlight), after);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async renew(inFlight: InFlightDeliveries): Promise<void> {
    const timeout = this.duration / 6;
    let nextIn = this.duration / 3;
    try {
      const makeError = () => new Error(`The database did not answer within ${timeout} ms.`);
      await withTimeout(timeout, this.renewNow(inFlight), makeError);
    } catch (error) {
      this.logger.warn(`Leases could not be renewed: ${formatDatabaseError(error)}`);
      nextIn = this.duration / 10; // there is time for another try, or two
    }
    const nextAnswerAt = this.clock.now() + nextIn + timeout;
    const lost = inFlight.evict(({ leaseExpiresAt }) => leaseExpiresAt <= nextAnswerAt);
    if (lost > 0) this.logger.warn(`The leases of ${lost} deliveries were lost; another worker takes them over.`);
    this.start(inFlight, nextIn);
  }

  private async renewNow(inFlight: InFlightDeliveries): Promise<void> {
    const { ids } = inFlight;
    await this.databaseClock.measure();
    if (ids.length === 0) return;
    const lease = this.newLease();
    const mine = await this.repository.renew(lease, ids);
    inFlight.extend(mine, lease);
    const asked = new Set(ids);
    const lost = inFlight.evict(({ delivery: { id } }) => asked.has(id) && !mine.has(id));
    if (lost > 0) this.logger.warn(`The leases of ${lost} deliveries were lost: another worker has taken them over.`);
  }
}
