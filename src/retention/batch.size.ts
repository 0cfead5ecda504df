const MIN_ROWS = 20;
const MAX_ROWS = 2_000;

/** Number of rows of the next batch. It follows the time that batches take, so that none holds anybody up for long. */
export class BatchSize {
  #rows: number;

  /**
   * @param rows of the first batch
   * @param maxMs time of a batch above which the next is half as large
   */
  constructor(
    rows: number,
    private readonly maxMs: number,
  ) {
    this.#rows = rows;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Takes notice of the time that a batch has taken. */
  adapt(milliseconds: number): void {
    if (milliseconds > this.maxMs) this.shrink();
    else if (milliseconds < this.maxMs / 3) this.#rows = Math.min(MAX_ROWS, this.#rows * 2);
  }

  /** Halves the next batch, after one that has failed for example. */
  shrink(): void {
    this.#rows = Math.max(MIN_ROWS, this.#rows >> 1);
  }
}
