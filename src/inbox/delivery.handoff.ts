import type { ClaimedDelivery, Lease } from './claimed-delivery.js';

/** Passes recorded deliveries to the worker of this instance at once, under the lease that they were recorded with, while it has capacity. */
export abstract class DeliveryHandoff {
  /** Reserves capacity for up to so many deliveries. Each unit is either submitted or released. */
  abstract reserve(wanted: number): { capacity: number; lease: Lease };
  abstract release(capacity: number): void;
  /**
   * Gives up leased deliveries of which it is not known whether they were recorded. Those that were are made due. The
   * capacity is released as well.
   */
  abstract abandon(ids: readonly string[], lease: Lease): void;
  /** Starts a recorded delivery. It uses one unit of the reserved capacity. */
  abstract submit(delivery: ClaimedDelivery, lease: Lease): void;
  /** Announces that deliveries were recorded for any worker to claim. */
  abstract notify(): void;
}
