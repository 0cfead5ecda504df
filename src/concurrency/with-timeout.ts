import { Cancellation } from './cancellation.js';

/** Longest delay of a timer. `setTimeout` fires at once above it. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Error of a promise that did not settle in time. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';

  constructor(milliseconds: number, message = `Timed out after ${milliseconds} ms.`) {
    super(message);
  }
}

/**
 * Settles as the promise does, or rejects once the time has passed. The work itself is not stopped.
 *
 * @param makeError makes the error to reject with; a `TimeoutError` by default
 */
export function withTimeout<T>(
  promise: Promise<T>,
  milliseconds: number,
  makeError: () => Error = () => new TimeoutError(milliseconds),
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(makeError()), milliseconds);
    promise.then(inTime(timer, resolve), inTime(timer, reject));
  });
}

function inTime<A>(timer: NodeJS.Timeout, settle: (outcome: A) => void): (outcome: A) => void {
  return (outcome) => {
    clearTimeout(timer);
    settle(outcome);
  };
}

/**
 * Settles as the work does, or rejects once the time has passed. The work is told by its deadline, which is cancelled
 * with the same error.
 */
export function withDeadline<T>(
  work: (deadline: Cancellation) => Promise<T>,
  milliseconds: number,
  makeError: () => Error,
): Promise<T> {
  const deadline = new Cancellation();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = makeError();
      deadline.cancel(error);
      reject(error);
    }, milliseconds);
    work(deadline).then(inTime(timer, resolve), inTime(timer, reject));
  });
}

/** Resolves once the promise has settled, either way, or once the time has passed. Never rejects. */
export async function waitAtMost(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  await withTimeout(promise, milliseconds).catch(() => {});
}
