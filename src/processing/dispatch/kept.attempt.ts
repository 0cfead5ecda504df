import type { NewAttempt } from '../../inbox/attempt.repository.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { AttemptOutcome } from '../../instrumentation/occurrences.js';
import type { EndedAttempt } from './attempt.evaluator.js';

/** Facts of an attempt that do not follow from its result. */
export interface KeptFacts {
  readonly deliveryId: string;
  /** The run as it was stored before, if it was. */
  readonly before: HandlerRun | undefined;
  /** State of the run after it. */
  readonly state: HandlerRun['state'];
  /** Error as its column holds it. */
  readonly error: string | null;
  readonly instance: string;
  readonly passes: number;
}

/**
 * Returns what is kept of an attempt. Undefined if its handler was not called, and if it completed and none before had
 * failed.
 */
export function keptAttempt(
  { handler, attempt, result, startedAt, endedAt }: EndedAttempt,
  { deliveryId, before, state, error, instance, passes }: KeptFacts,
): NewAttempt | undefined {
  const { ended } = result;
  if (ended === 'held-back' || (ended === 'interrupted' && (result.isLocked || result.hasNotBegun))) return undefined;
  if (ended === 'completed' && !hasFailed(before)) return undefined;
  const outcome: AttemptOutcome = ended === 'failed' && state === 'dead' ? 'dead' : ended;
  return { deliveryId, handler: handler.id, attempt, outcome, startedAt, endedAt, error, instance, passes };
}

function hasFailed(before: HandlerRun | undefined): boolean {
  return before !== undefined && (before.attempts > 0 || before.lastError !== null);
}
