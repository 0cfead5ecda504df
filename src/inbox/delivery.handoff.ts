import type { ClaimedDelivery, Lease } from './delivery.factory.js';

/** Where accepted deliveries go at once, without being claimed, while there is room for them. */
export abstract class DeliveryHandoff {
  /** Sets room aside for up to so many deliveries; each is either taken or given back. */
  abstract reserve(wanted: number): { capacity: number; lease: Lease };
  abstract release(capacity: number): void;
  /** Uses up one of the room that was reserved. */
  abstract submit(delivery: ClaimedDelivery, lease: Lease): void;
  /** Says that deliveries were recorded for any worker to claim. */
  abstract notify(): void;
}
