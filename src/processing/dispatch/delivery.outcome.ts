import type { NewAttempt } from '../../inbox/attempt.repository.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { EnqueuedRun } from '../../inbox/queued-run.js';
import type { ExpectedHandlers } from '../../inbox/settlement.repository.js';
import type { Unreadable } from './contents.opener.js';
import type { EndedAttempt } from './attempt.evaluator.js';

/** Outcome of running the handlers of a delivery once. */
export type Outcome =
  /** Every handler has completed at its first attempt, so that no runs have to be saved. */
  | { outcome: 'completed' }
  /** No handler is subscribed to the status. */
  | { outcome: 'unhandled' }
  /** Every handler was interrupted by the cancellation, so that no runs have to be saved. */
  | { outcome: 'untouched' }
  /** The contents do not open, so that no handler has run. */
  | Unreadable
  | OutcomeWithRuns;

/** The next state and the runs have to be saved in one transaction. */
export interface OutcomeWithRuns {
  outcome: 'with-runs';
  next: { nextAttemptAt: number } | 'completed' | 'dead';
  runs: HandlerRun[];
  /** Handlers that the delivery still has to reach and that have no saved run. */
  expected?: ExpectedHandlers | undefined;
  /** Runs that a queue has been given. Undefined if none is open that a queue runs. */
  enqueued?: readonly EnqueuedRun[] | undefined;
  /** Executions that are kept. */
  attempts?: readonly NewAttempt[] | undefined;
}

/**
 * Returns the changed runs, except those locked by another worker. The delivery expects their handlers unless their
 * runs are saved.
 */
export function toSave(
  { expectedHandlers }: ClaimedDelivery,
  previousRuns: readonly Pick<HandlerRun, 'handler'>[],
  executions: readonly Pick<EndedAttempt, 'handler' | 'result'>[],
  after: ReadonlyMap<string, HandlerRun>,
): Pick<OutcomeWithRuns, 'runs' | 'expected'> {
  const free = executions.filter(({ result }) => !('isLocked' in result && result.isLocked));
  const runs = free.flatMap(({ handler }) => after.get(handler.id) ?? []);
  const saved = new Set([...previousRuns, ...runs].map(({ handler }) => handler));
  const ids = [...after.keys()].filter((handler) => !saved.has(handler));
  if (ids.length === 0 && expectedHandlers.length === 0) return { runs };
  return { runs, expected: { ids, areLocked: free.length < executions.length } };
}

/** Returns what follows from all runs of a delivery, including those of handlers that this instance does not have. */
export function nextOf(runs: readonly HandlerRun[], dueAt: (run: HandlerRun) => number): OutcomeWithRuns['next'] {
  const waiting = runs.filter(({ state }) => state === 'pending').map(dueAt);
  if (waiting.length > 0) return { nextAttemptAt: Math.min(...waiting) };
  return runs.some(({ state }) => state === 'dead') ? 'dead' : 'completed';
}
