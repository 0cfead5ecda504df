import { Injectable } from '@nestjs/common';
import { isPoisonSuspect, type ClaimedDelivery, type Lease } from '../../inbox/claimed-delivery.js';
import { Cancellation } from '../../concurrency/cancellation.js';
import { HANDED_OFF, type ClaimOrigin } from '../dispatch/claim.origin.js';
import type { HeldClaim } from '../dispatch/held-claim.js';

/** A delivery that this worker has the lease of. */
export class Claim implements HeldClaim {
  readonly id: string;
  /** Requested when the lease is lost or the worker stops. */
  readonly cancellation = new Cancellation();

  constructor(
    private readonly inFlight: InFlightDeliveries,
    readonly delivery: ClaimedDelivery,
    readonly claimId: string,
    readonly origin: ClaimOrigin,
    public leaseExpiresAt: number,
  ) {
    this.id = delivery.id;
  }

  get traceContext(): string | null {
    return this.delivery.traceContext;
  }

  get isHeld(): boolean {
    return this.inFlight.has(this);
  }

  get isReplaced(): boolean {
    return this.inFlight.hasLater(this);
  }
}

/** Claim that was lost while this worker could not reach the database. */
export interface LostClaim {
  readonly leaseExpiresAt: number;
  /** True once the database was told of it, whether or not another worker had rescued the delivery by then. */
  isReported: boolean;
}

/** Most lost claims that are remembered. A rescue of any more counts as a crash. */
const MAX_LOST = 1_000;

/** Deliveries of this worker, from the claim until the outcome is durable. */
@Injectable()
export class InFlightDeliveries {
  readonly #claims = new Map<string, Claim>();
  readonly #lost = new Map<string, LostClaim>();

  get size(): number {
    return this.#claims.size;
  }

  get ids(): string[] {
    return [...this.#claims.keys()];
  }

  get claims(): Claim[] {
    return [...this.#claims.values()];
  }

  /** Returns true when the lease of one of them has expired more than once: it may be what crashes workers. */
  get hasPoisonSuspect(): boolean {
    return [...this.#claims.values()].some(({ delivery }) => isPoisonSuspect(delivery.rescues));
  }

  /** Adds a claim. Returns undefined when the delivery is in flight already, and does not change that claim. */
  add(delivery: ClaimedDelivery, { claimId, expiresAt }: Lease, origin = HANDED_OFF): Claim | undefined {
    if (this.#claims.has(delivery.id)) return undefined;
    const claim = new Claim(this, delivery, claimId, origin, expiresAt);
    this.#claims.set(delivery.id, claim);
    return claim;
  }

  /** Returns true while this claim is held. A later claim of the same delivery is another one. */
  has(claim: Claim): boolean {
    return this.#claims.get(claim.delivery.id) === claim;
  }

  /** Returns true once this worker has a later claim of the same delivery. */
  hasLater(claim: Claim): boolean {
    return !this.has(claim) && this.#claims.has(claim.id);
  }

  remove(claim: Claim): void {
    if (this.has(claim)) this.#claims.delete(claim.delivery.id);
  }

  /** Cancels and removes the selected claims, because their lease was lost. Returns their number. */
  evict(which: (claim: Claim) => boolean, why = 'The lease was lost: another worker may have the delivery.'): number {
    const lost = [...this.#claims.values()].filter(which);
    for (const claim of lost) {
      claim.cancellation.cancel(new Error(why));
      this.remove(claim);
    }
    return lost.length;
  }

  /**
   * Evicts the selected claims of a worker that cannot reach the database. They are remembered as lost: a rescue of
   * them is no crash. One whose event loop was blocked is not told from a crash. Returns their number.
   */
  evictUnrenewed(which: (claim: Claim) => boolean): number {
    return this.evict((claim) => {
      if (!which(claim)) return false;
      if (this.#lost.size < MAX_LOST)
        this.#lost.set(claim.id, { leaseExpiresAt: claim.leaseExpiresAt, isReported: false });
      return true;
    });
  }

  /** Claims that `evictUnrenewed()` has evicted, by the id of the delivery. */
  get lost(): ReadonlyMap<string, LostClaim> {
    return this.#lost;
  }

  /** Notes that the database was told of these, and forgets those that need not be remembered any more. */
  markReported(ids: readonly string[], isOver: (id: string, lost: LostClaim) => boolean): void {
    for (const id of ids) {
      const lost = this.#lost.get(id);
      if (!lost) continue;
      if (isOver(id, lost)) this.#lost.delete(id);
      else lost.isReported = true;
    }
  }

  extend(claims: readonly Claim[], expiresAt: number): void {
    for (const claim of claims) if (this.has(claim)) claim.leaseExpiresAt = expiresAt;
  }

  cancelAll(reason: Error): void {
    for (const { cancellation } of this.#claims.values()) cancellation.cancel(reason);
  }
}
