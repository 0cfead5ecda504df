/** Bounds how often something begins: `max` times in any span of `per` milliseconds, at most. */
export class RateWindow {
  /** Times of the last starts, as many as `max`. The next one takes the place of the oldest. */
  readonly #begun: number[] = [];
  #oldest = 0;

  constructor(
    private readonly max: number,
    private readonly per: number,
  ) {}

  /** Returns the time from which the n-th start after now is allowed. */
  allowedAt(n: number, now: number): number {
    const spans = Math.floor((n - 1) / this.max);
    const replaced = this.#begun[(this.#oldest + n - 1) % this.max];
    // A clock that was set back must not hold anything up for longer than the span.
    const first = replaced === undefined ? now : Math.max(now, Math.min(replaced, now) + this.per);
    return first + spans * this.per;
  }

  begin(now: number): void {
    this.#begun[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.max;
  }
}
