import type { Dialect } from '../database/dialect/dialect.js';

/** Time that a window may take. A synchronous driver stops the event loop meanwhile. */
const MOST_MS = 40;
const MOST_MS_OF_FILE = 10;
/** Part of the most rows that a window has at least. */
const SMALLEST_PART = 4;

/**
 * Number of rows that the next query of a search looks at. Rows that are not in memory take ten times as long as the
 * others, and nobody knows of them before they are read: it halves after a slow window, and doubles after fast ones.
 */
export class WindowSize {
  #rows: number;
  private readonly mostMs: number;

  constructor(
    { isServer }: Pick<Dialect, 'isServer'>,
    private readonly most: number,
  ) {
    this.#rows = most;
    this.mostMs = isServer ? MOST_MS : MOST_MS_OF_FILE;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Chooses the next size by the time that a window of this size took. */
  took(ms: number): void {
    if (ms > this.mostMs) this.#rows = Math.max(Math.ceil(this.most / SMALLEST_PART), Math.floor(this.#rows / 2));
    else if (ms < this.mostMs / 4) this.#rows = Math.min(this.most, this.#rows * 2);
  }
}
