import { Injectable } from '@nestjs/common';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery, Lease } from '../../inbox/delivery.factory.js';
import { Cancellation } from '../../concurrency/cancellation.js';

/** A delivery this worker has the lease of. */
export interface Claim {
  readonly delivery: ClaimedDelivery;
  /** What is known of its handlers from before. */
  readonly previousRuns: readonly HandlerRun[];
  /** Comes when the lease is lost or the worker stops. */
  readonly cancellation: Cancellation;
  leaseExpiresAt: number;
}

/** What this worker has in hand, from its claim to the durable end of its processing. */
@Injectable()
export class InFlightDeliveries {
  readonly #claims = new Map<string, Claim>();

  get size(): number {
    return this.#claims.size;
  }

  get ids(): string[] {
    return [...this.#claims.keys()];
  }

  /** Whether one of them has outlived a worker more than once: it may be what kills. */
  get hasPoisonSuspect(): boolean {
    return [...this.#claims.values()].some(({ delivery }) => delivery.rescues > 1);
  }

  /** Nothing when it is in hand already: the run that is under way goes on. */
  add(delivery: ClaimedDelivery, { expiresAt }: Lease, previousRuns: readonly HandlerRun[] = []): Claim | undefined {
    if (this.#claims.has(delivery.id)) return undefined;
    const claim = { delivery, previousRuns, cancellation: new Cancellation(), leaseExpiresAt: expiresAt };
    this.#claims.set(delivery.id, claim);
    return claim;
  }

  /** Whether it is this very holding: the delivery may have been lost and claimed anew in the meantime. */
  has(claim: Claim): boolean {
    return this.#claims.get(claim.delivery.id) === claim;
  }

  remove(claim: Claim): void {
    if (this.has(claim)) this.#claims.delete(claim.delivery.id);
  }

  evict(which: (claim: Claim) => boolean): number {
    const lost = [...this.#claims.values()].filter(which);
    for (const claim of lost) {
      claim.cancellation.cancel(new Error('The lease was lost: another worker may have the delivery.'));
      this.remove(claim);
    }
    return lost.length;
  }

  extend(ids: ReadonlySet<string>, { expiresAt }: Lease): void {
    for (const id of ids) {
      const claim = this.#claims.get(id);
      if (claim) claim.leaseExpiresAt = expiresAt;
    }
  }

  cancelAll(reason: Error): void {
    for (const { cancellation } of this.#claims.values()) cancellation.cancel(reason);
  }
}
