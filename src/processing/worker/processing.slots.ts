import type { LiveExecutions } from '../dispatch/live.executions.js';

/** Deliveries that may hang beside those in time, in multiples of `concurrency`. */
const ASIDE_FACTOR = 4;

/** A delivery that is being processed. */
export interface Slot {
  /** Monotonic time in milliseconds. */
  readonly takenAt: number;
}

/**
 * Slots of the deliveries that are being processed, as many as `concurrency`. A delivery that takes long steps aside and
 * leaves its slot to another. So does a handler that goes on although it was aborted. There is room aside for four times
 * as many. Beyond that, they take up half of the slots at most: what hangs never stops the rest.
 */
export class ProcessingSlots {
  /** In the order in which they were taken. */
  readonly #taken = new Set<Slot>();
  readonly #aside = new Set<Slot>();

  constructor(
    private readonly concurrency: number,
    private readonly executions: Pick<LiveExecutions, 'overdueDeliveries'>,
  ) {}

  get free(): number {
    return this.concurrency - this.#taken.size - this.#excess;
  }

  /** Number of deliveries that have stepped aside and are still being processed. */
  get aside(): number {
    return this.#aside.size;
  }

  /** Number of slots that may be in use. */
  get usable(): number {
    return this.concurrency - this.#excess;
  }

  take(): Slot {
    const slot = { takenAt: performance.now() };
    this.#taken.add(slot);
    return slot;
  }

  giveBack(slot: Slot): void {
    if (!this.#taken.delete(slot)) this.#aside.delete(slot);
  }

  /** Moves the deliveries aside that have been processed for longer than this time. Returns whether there were any. */
  moveAside(afterMs: number): boolean {
    const before = this.#aside.size;
    for (const slot of this.#taken) {
      if (this.#aside.size >= this.#room || performance.now() - slot.takenAt < afterMs) break;
      this.#taken.delete(slot);
      this.#aside.add(slot);
    }
    return this.#aside.size > before;
  }

  get #excess(): number {
    const excess = this.#aside.size + this.executions.overdueDeliveries - this.#room;
    return Math.min(Math.max(0, excess), Math.floor(this.concurrency / 2));
  }

  get #room(): number {
    return ASIDE_FACTOR * this.concurrency;
  }
}
