import type { AttemptOutcome } from '../instrumentation/occurrences.js';

/**
 * One execution of a handler that is kept: it failed, was interrupted, or completed after an earlier one had failed.
 * What completes at once leaves none. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface Attempt {
  /** UUIDv7. Ids sort by time. */
  readonly id: string;
  /** Id of the handler. */
  readonly handler: string;
  /** Number of the attempt, from 1. A replay begins again at 1. */
  readonly attempt: number;
  /** How it ended. */
  readonly outcome: AttemptOutcome;
  /** Time when the handler was called. */
  readonly startedAt: number;
  /** Time when it ended. */
  readonly endedAt: number;
  /**
   * Name and message of the error, in one line of limited length, without values of the payload; null without one, once
   * the contents are removed, and if it is sealed and does not open.
   */
  readonly error: string | null;
  /** Id of the instance. */
  readonly instance: string;
}
