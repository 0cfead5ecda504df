import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import type { ClaimedDelivery, Lease } from '../../inbox/delivery.factory.js';
import { InFlightDeliveries } from './in-flight.deliveries.js';

/**
 * Rescues deliveries whose lease has expired. A delivery whose lease has expired twice in a row may be a poison
 * message, so this worker processes one of them at a time. After the third time, it is dead.
 */
@Injectable()
export class DeliveryRescuer {
  constructor(
    private readonly repository: DeliveryStateRepository,
    private readonly inFlight: InFlightDeliveries,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  async rescue(lease: Lease, capacity: number): Promise<ClaimedDelivery[]> {
    const { inFlight } = this;
    const now = this.clock.now();
    const deadLettered = await this.repository.deadLetterPoisoned(now, inFlight.ids);
    if (deadLettered > 0) this.instrumentation.announce('poisoned', { count: deadLettered });
    if (capacity === 0) return [];
    const rescued = await this.repository.rescueExpired(lease, now, capacity, inFlight.ids, false);
    const suspects =
      inFlight.hasPoisonSuspect || rescued.length === capacity
        ? []
        : await this.repository.rescueExpired(lease, now, 1, inFlight.ids, true);
    const all = [...rescued, ...suspects];
    if (all.length > 0) this.instrumentation.announce('rescued', { count: all.length });
    return all;
  }
}
