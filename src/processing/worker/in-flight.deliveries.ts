import { Injectable } from '@nestjs/common';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery, Lease } from '../../inbox/delivery.factory.js';
import { Cancellation } from '../../concurrency/cancellation.js';

/** A delivery that this worker has the lease of. */
export interface Claim {
  readonly delivery: ClaimedDelivery;
  /** Runs of its handlers that were stored before this claim. */
  readonly previousRuns: readonly HandlerRun[];
  /** Requested when the lease is lost or the worker stops. */
  readonly cancellation: Cancellation;
  leaseExpiresAt: number;
}

/** Deliveries of this worker, from the claim until the outcome is durable. */
@Injectable()
export class InFlightDeliveries {
  readonly #claims = new Map<string, Claim>();

  get size(): number {
    return this.#claims.size;
  }

  get ids(): string[] {
    return [...this.#claims.keys()];
  }

  /** Returns true when the lease of one of them has expired more than once: it may be what crashes workers. */
  get hasPoisonSuspect(): boolean {
    return [...this.#claims.values()].some(({ delivery }) => delivery.rescues > 1);
  }

  /** Adds a claim. Returns undefined when the delivery is in flight already, and does not change that claim. */
  add(delivery: ClaimedDelivery, { expiresAt }: Lease, previousRuns: readonly HandlerRun[] = []): Claim | undefined {
    if (this.#claims.has(delivery.id)) return undefined;
    const claim = { delivery, previousRuns, cancellation: new Cancellation(), leaseExpiresAt: expiresAt };
    this.#claims.set(delivery.id, claim);
    return claim;
  }

  /** Returns true while this claim is held. A later claim of the same delivery is another one. */
  has(claim: Claim): boolean {
    return this.#claims.get(claim.delivery.id) === claim;
  }

  remove(claim: Claim): void {
    if (this.has(claim)) this.#claims.delete(claim.delivery.id);
  }

  /** Cancels and removes the selected claims, because their lease was lost. Returns their number. */
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
