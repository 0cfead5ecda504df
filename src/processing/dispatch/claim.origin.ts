import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { DeliverySource } from '../../instrumentation/occurrences.js';

/** Way in which a claimed delivery came to this worker. */
export interface ClaimOrigin {
  readonly source: DeliverySource;
  /** Runs of its handlers that were stored before this claim. */
  readonly previousRuns: readonly HandlerRun[];
}

export const HANDED_OFF: ClaimOrigin = { source: 'handoff', previousRuns: [] };

/**
 * Returns the milliseconds that a delivery has been due; undefined where no row tells, such as after a rescue. A delay
 * that was intended, before a retry, does not count.
 */
export function waitOf(
  { receivedAt, dispatches, replays }: ClaimedDelivery,
  { source, previousRuns }: ClaimOrigin,
  now: number,
): number | undefined {
  if (source === 'rescue') return undefined;
  const waiting = previousRuns.filter(({ state }) => state === 'pending');
  const dueAt = waiting.map(({ nextAttemptAt, updatedAt }) => nextAttemptAt ?? updatedAt);
  if (dueAt.length > 0) return Math.max(0, now - Math.min(...dueAt));
  return dispatches === 1 && replays === 0 ? Math.max(0, now - receivedAt) : undefined;
}
