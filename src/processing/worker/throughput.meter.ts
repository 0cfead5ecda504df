import type { Clock } from '../../clock.js';

const WINDOW_MS = 1_000;

/** Counts events per second. `value` is the larger count of the current and the previous second. */
export class ThroughputMeter {
  #start = 0;
  #current = 0;
  #previous = 0;

  constructor(private readonly clock: Clock) {}

  add(): void {
    this.#roll();
    this.#current++;
  }

  get value(): number {
    this.#roll();
    return Math.max(this.#current, this.#previous);
  }

  #roll(): void {
    const elapsed = this.clock.now() - this.#start;
    if (elapsed < WINDOW_MS) return;
    this.#previous = elapsed < 2 * WINDOW_MS ? this.#current : 0;
    this.#current = 0;
    this.#start += elapsed - (elapsed % WINDOW_MS);
  }
}
