/** Settles as the promise does, or rejects with what `late` makes once the milliseconds have passed. */
export function within<T>(milliseconds: number, promise: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), milliseconds);
    const inTime =
      <A>(settle: (outcome: A) => void) =>
      (outcome: A): void => {
        clearTimeout(timer);
        settle(outcome);
      };
    promise.then(inTime(resolve), inTime(reject));
  });
}
