import { TimeoutError, withTimeout } from './with-timeout.js';

/** Reads a value at most once in a while, however many ask. One read that hangs is not begun again beside it. */
export class CachedRead<T> {
  #last?: { readonly value: T; readonly readAt: number };
  #reading?: Promise<T>;

  constructor(
    private readonly readNow: () => Promise<T>,
    private readonly clock: { now(): number },
    private readonly timeoutMs: number,
  ) {}

  /** Value of the last read that has ended, however old; undefined if there is none. */
  get last(): T | undefined {
    return this.#last?.value;
  }

  /** Rejects if it fails, or takes longer than the timeout. It goes on then, for those who ask later. */
  async read(maxAgeMs: number): Promise<T> {
    if (this.#last && Math.abs(this.clock.now() - this.#last.readAt) < maxAgeMs) return this.#last.value;
    this.#reading ??= this.#begin().finally(() => (this.#reading = undefined));
    const message = `The database did not answer within ${this.timeoutMs} ms.`;
    const makeError = () => new TimeoutError(this.timeoutMs, message);
    return withTimeout(this.#reading, this.timeoutMs, makeError);
  }

  async #begin(): Promise<T> {
    const value = await this.readNow();
    this.#last = { value, readAt: this.clock.now() };
    return value;
  }
}
