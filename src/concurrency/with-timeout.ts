/** The longest that a timer takes; `setTimeout` fires at once above it. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Settles as the promise does, or rejects with what `late` makes once the milliseconds have passed. */
export function withTimeout<T>(ms: number, promise: Promise<T>, makeError: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(makeError()), ms);
    const inTime =
      <A>(settle: (outcome: A) => void) =>
      (outcome: A): void => {
        clearTimeout(timer);
        settle(outcome);
      };
    promise.then(inTime(resolve), inTime(reject));
  });
}
