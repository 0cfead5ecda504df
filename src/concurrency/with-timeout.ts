/** The longest that a timer takes; `setTimeout` fires at once above it. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Says that something did not come to its end in time. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';

  constructor(milliseconds: number) {
    super(`Timed out after ${milliseconds} ms.`);
  }
}

/**
 * Settles as the promise does, or rejects once the time has passed. The work itself goes on: nothing stops it.
 *
 * @param makeError what to reject with instead of a `TimeoutError`
 */
export function withTimeout<T>(
  promise: Promise<T>,
  milliseconds: number,
  makeError: () => Error = () => new TimeoutError(milliseconds),
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(makeError()), milliseconds);
    const inTime =
      <A>(settle: (outcome: A) => void) =>
      (outcome: A): void => {
        clearTimeout(timer);
        settle(outcome);
      };
    promise.then(inTime(resolve), inTime(reject));
  });
}

/** Waits until the promise has settled, whichever way, and no longer than the time. */
export async function waitAtMost(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  await withTimeout(promise, milliseconds).catch(() => {});
}
