import type { Clock } from '../clock.js';

const WINDOW_MS = 1_000;
const MIN_DELAY_MS = 1_000;
/** Number of deliveries that are polled for each job that is enqueued. */
const POLLED_PER_JOB = 2;
/** Largest factor by which the delay changes in a window. */
const MAX_STEP = 2;
/** Share by which a delay differs at random, so that deliveries which were postponed together do not come together. */
const JITTER = 0.25;

/**
 * Decides how long runs wait in the inbox while their queue is full. The delay follows what is seen:
 * about twice as many deliveries are polled as jobs are enqueued, however long the backlog is.
 */
export class Backpressure {
  #delay: number;
  /** Longest delay before it is spread at random: none may be longer than `maxDelay` then. */
  readonly #longest: number;
  #windowAt: number;
  #polled = 0;
  #enqueued = 0;

  constructor(
    private readonly clock: Clock,
    maxDelay: number,
    private readonly random: () => number,
  ) {
    this.#longest = maxDelay / (1 + JITTER);
    this.#delay = Math.min(MIN_DELAY_MS, this.#longest);
    this.#windowAt = clock.now();
  }

  /** Notes runs that were enqueued. */
  accepted(runs: number): void {
    this.#roll();
    this.#polled += runs;
    this.#enqueued += runs;
  }

  /** Returns the milliseconds that a run waits which finds its queue full. */
  refused(runs: number): number {
    this.#roll();
    this.#polled += runs;
    return Math.round(this.#delay * (1 - JITTER + 2 * JITTER * this.random()));
  }

  #roll(): void {
    const now = this.clock.now();
    if (now - this.#windowAt < WINDOW_MS) return;
    const wanted = POLLED_PER_JOB * Math.max(1, this.#enqueued);
    const step = Math.min(MAX_STEP, Math.max(1 / MAX_STEP, this.#polled / wanted));
    this.#delay = Math.min(this.#longest, Math.max(MIN_DELAY_MS, this.#delay * step));
    this.#windowAt = now;
    this.#polled = 0;
    this.#enqueued = 0;
  }
}
