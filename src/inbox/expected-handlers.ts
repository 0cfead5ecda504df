import { handlerFingerprintOf, type ClaimedDelivery } from './claimed-delivery.js';
import type { HandlersByStatus } from './handler-set.repository.js';

/** Sets of handlers by their fingerprint; undefined if nobody has recorded it. */
export type LookedUpSets = ReadonlyMap<string, HandlersByStatus | undefined>;

/** Returns the fingerprint of the handlers of a claim; empty if it tells none. */
export function handlerFingerprintOrEmpty(claimId = ''): string {
  return handlerFingerprintOf(claimId) ?? '';
}

/** Tells whether a worker has every handler of a set. */
export function isCovered(set: HandlersByStatus, handlers: HandlersByStatus): boolean {
  return [...set].every(([status, ids]) => ids.every((id) => handlers.get(status)?.includes(id)));
}

/**
 * Returns a delivery that expects the handlers of its claim, if these are known, and more.
 *
 * @param claims claims by the ids of their deliveries
 */
export function withExpected(
  delivery: ClaimedDelivery,
  claims: ReadonlyMap<string, string>,
  sets: LookedUpSets,
  more: HandlersByStatus = new Map(),
): ClaimedDelivery {
  const { id, status, expectedHandlers } = delivery;
  const set = sets.get(handlerFingerprintOrEmpty(claims.get(id)));
  if (!set) return delivery;
  const ids = [...expectedHandlers, ...(set.get(status) ?? []), ...(more.get(status) ?? [])];
  return { ...delivery, expectedHandlers: [...new Set(ids)] };
}

/** Returns the runs of the handlers that a delivery expects. */
export function expectedRuns({ id, expectedHandlers }: ClaimedDelivery): { deliveryId: string; handler: string }[] {
  return expectedHandlers.map((handler) => ({ deliveryId: id, handler }));
}
