import type { DeliverySlot } from '../dispatch/limited.handlers.js';
import type { LiveExecutions } from '../dispatch/live.executions.js';

/** Deliveries that may hang beside those in time, in multiples of `concurrency`. */
const OVERFLOW_FACTOR = 4;

/** A delivery that is being processed. */
export class Slot implements DeliverySlot {
  /** Monotonic time in milliseconds. */
  readonly takenAt = performance.now();

  constructor(private readonly slots: ProcessingSlots) {}

  leave(): void {
    this.slots.leave(this);
  }
}

/**
 * Slots of the deliveries that are being processed, as many as `concurrency`. A delivery that takes long moves to the
 * overflow and leaves its slot to another. So does a handler that goes on although it was aborted. The overflow holds
 * four times as many. Beyond that, they take up half of the slots at most: what hangs never stops the rest.
 */
export class ProcessingSlots {
  /** In the order in which they were taken. */
  readonly #taken = new Set<Slot>();
  readonly #overflow = new Set<Slot>();

  constructor(
    private readonly concurrency: number,
    private readonly executions: Pick<LiveExecutions, 'overdueDeliveries'>,
    private readonly onLeave: () => void = () => {},
  ) {}

  get free(): number {
    return this.concurrency - this.#taken.size - this.#excess;
  }

  /** Number of deliveries in the overflow: they are still being processed. */
  get overflow(): number {
    return this.#overflow.size;
  }

  /** Number of slots that may be in use. */
  get usable(): number {
    return this.concurrency - this.#excess;
  }

  take(): Slot {
    const slot = new Slot(this);
    this.#taken.add(slot);
    return slot;
  }

  release(slot: Slot): void {
    if (!this.#taken.delete(slot)) this.#overflow.delete(slot);
  }

  /** Moves a delivery to the overflow at once, because it waits for its turn. */
  leave(slot: Slot): void {
    if (!this.#taken.delete(slot)) return;
    this.#overflow.add(slot);
    this.onLeave();
  }

  /**
   * Moves deliveries to the overflow that have been processed for longer than this time. Returns whether there were
   * any.
   */
  moveToOverflow(afterMs: number): boolean {
    const before = this.#overflow.size;
    for (const slot of this.#taken) {
      if (this.#overflow.size >= this.#overflowLimit || performance.now() - slot.takenAt < afterMs) break;
      this.#taken.delete(slot);
      this.#overflow.add(slot);
    }
    return this.#overflow.size > before;
  }

  get #excess(): number {
    const excess = this.#overflow.size + this.executions.overdueDeliveries - this.#overflowLimit;
    return Math.min(Math.max(0, excess), Math.floor(this.concurrency / 2));
  }

  get #overflowLimit(): number {
    return OVERFLOW_FACTOR * this.concurrency;
  }
}
