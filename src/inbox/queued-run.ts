import type { SqlResult } from '../database/dialect/dialect.js';
import type { NewAttempt } from './attempt.repository.js';
import { isPoisonSuspect, type ClaimedDelivery } from './claimed-delivery.js';
import type { HandlerRun } from './handler-run.entity.js';
import { keyOfRun, runIn, toHandlerRun, type RunKey } from './handler-run.queries.js';

/** Claim of a run by a worker of a queue. Each claim has an id of its own. */
export interface RunClaim extends RunKey {
  readonly claimId: string;
}

/** A run that was claimed. `run`: as it was before. */
export interface ClaimedQueuedRun {
  readonly claim: RunClaim;
  readonly delivery: ClaimedDelivery;
  readonly run: HandlerRun;
  /** Number of times in a row that a worker has let its lease expire. */
  readonly rescues: number;
}

/** How one attempt of a claimed run has ended. */
export interface RunSettlement {
  readonly claim: RunClaim;
  readonly run: HandlerRun;
  /** True if the transaction of the handler has written it. */
  readonly isCommitted: boolean;
  /** The execution, if it is kept. */
  readonly attempt?: NewAttempt | undefined;
}

/** A run that was enqueued, with the number of claims that it had then. */
export interface EnqueuedRun extends RunKey {
  readonly claims: number;
}

/** Returns the claims of these runs. */
export function claimsOf(rows: SqlResult | undefined, claims: readonly RunClaim[]): RunClaim[] {
  const found = new Set(rows?.records.map((row) => keyOfRun(runIn(row))));
  return claims.filter((claim) => found.has(keyOfRun(claim)));
}

/** Returns the executions that are kept. */
export function attemptsOf(outcomes: readonly RunSettlement[]): NewAttempt[] {
  return outcomes.flatMap(({ attempt }) => attempt ?? []);
}

/** Returns the time at which a pending run makes its delivery due. */
export function retryOf({ deliveryId, state, nextAttemptAt }: HandlerRun): [string, number][] {
  return state === 'pending' && nextAttemptAt !== null ? [[deliveryId, nextAttemptAt]] : [];
}

/** Returns when deliveries are due by their runs that are pending; those without one now. */
export function dueTimes(
  ids: readonly string[],
  pending: SqlResult | undefined,
  enqueued: readonly EnqueuedRun[] | undefined,
  now: number,
): Map<string, number> {
  const claims = new Map(enqueued?.map((run) => [keyOfRun(run), run.claims]));
  const rows = pending?.records ?? [];
  const open = new Set(rows.map((row) => String(row.delivery_id)));
  const times = new Map(ids.filter((id) => !open.has(id)).map((id) => [id, now]));
  for (const row of rows) {
    const id = String(row.delivery_id);
    const dueAt = Number(row.next_attempt_at ?? 0);
    const waits = enqueued ? claims.get(keyOfRun(runIn(row))) === Number(row.claims) : dueAt <= now;
    if (!waits) times.set(id, Math.min(times.get(id) ?? Infinity, dueAt));
  }
  return times;
}

/** Returns the runs of these rows, with their claims and deliveries. */
export function claimedRuns(
  rows: SqlResult['records'],
  deliveries: readonly ClaimedDelivery[],
  claims: readonly RunClaim[],
): ClaimedQueuedRun[] {
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  return rows.flatMap((row) => {
    const delivery = byId.get(String(row.delivery_id));
    const [claim] = claimsOf({ records: [row], affected: 0 }, claims);
    return delivery && claim ? [{ claim, delivery, run: toHandlerRun(row), rescues: rescuesOf(row) }] : [];
  });
}

/** Returns how many times in a row a worker has let the lease of a run expire, once it is claimed. */
function rescuesOf(row: SqlResult['records'][number]): number {
  return row.claim_id === null ? 0 : Number(row.rescues) + 1;
}

/** Returns the runs without those that may crash a worker, but for the first ones. */
export function withoutSuspects(due: SqlResult | undefined, allowed: number): SqlResult | undefined {
  let suspects = 0;
  return (
    due && { ...due, records: due.records.filter((row) => !isPoisonSuspect(rescuesOf(row)) || ++suspects <= allowed) }
  );
}
