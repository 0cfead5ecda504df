import type { ClaimedDelivery, Lease } from './recording.js';

/** Where accepted deliveries go at once, without being claimed, while there is room for them. */
export abstract class Handoff {
  /** Sets room aside for up to so many deliveries; each is either taken or given back. */
  abstract reserve(wanted: number): { room: number; lease: Lease };
  abstract giveBack(room: number): void;
  /** Uses up one of the room that was reserved. */
  abstract take(delivery: ClaimedDelivery, lease: Lease): void;
  /** Says that deliveries were recorded for any worker to claim. */
  abstract announce(): void;
}
