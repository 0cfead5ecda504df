import type { HandlerRun } from '../inbox/handler-run.entity.js';
import type { ClaimedDelivery, Lease } from '../inbox/recording.js';
import { Interruption } from './interruption.js';

/** A delivery this worker has the lease of. */
export interface Held {
  readonly delivery: ClaimedDelivery;
  /** What is known of its handlers from before. */
  readonly remembered: readonly HandlerRun[];
  /** Comes when the lease is lost or the worker stops. */
  readonly interruption: Interruption;
  leaseExpiresAt: number;
}

/** What this worker has in hand, from its claim to the durable end of its processing. */
export class Hand {
  readonly #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  get ids(): string[] {
    return [...this.#held.keys()];
  }

  /** Whether one of them has outlived a worker more than once: it may be what kills. */
  get holdsSuspect(): boolean {
    return [...this.#held.values()].some(({ delivery }) => delivery.takeovers > 1);
  }

  /** Nothing when it is in hand already: the run that is under way goes on. */
  add(delivery: ClaimedDelivery, { expiresAt }: Lease, remembered: readonly HandlerRun[] = []): Held | undefined {
    if (this.#held.has(delivery.id)) return undefined;
    const held = { delivery, remembered, interruption: new Interruption(), leaseExpiresAt: expiresAt };
    this.#held.set(delivery.id, held);
    return held;
  }

  /** Whether it is this very holding: the delivery may have been lost and claimed anew in the meantime. */
  has(held: Held): boolean {
    return this.#held.get(held.delivery.id) === held;
  }

  letGo(held: Held): void {
    if (this.has(held)) this.#held.delete(held.delivery.id);
  }

  lose(which: (held: Held) => boolean): number {
    const lost = [...this.#held.values()].filter(which);
    for (const held of lost) {
      held.interruption.interrupt(new Error('The lease was lost: another worker may have the delivery.'));
      this.letGo(held);
    }
    return lost.length;
  }

  extend(ids: ReadonlySet<string>, { expiresAt }: Lease): void {
    for (const id of ids) {
      const held = this.#held.get(id);
      if (held) held.leaseExpiresAt = expiresAt;
    }
  }

  interruptAll(reason: Error): void {
    for (const { interruption } of this.#held.values()) interruption.interrupt(reason);
  }
}
