import type { Clock } from '../../clock.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { RateWindow } from '../../concurrency/rate.window.js';
import type { HandlerSettings } from '../handlers/handler.options.js';

/** Duration of a run that is expected before one has ended, or gone on for longer. */
const FIRST_DURATION_MS = 100;
/** Share that the last run has in the mean duration. */
const LAST_SHARE = 0.2;
/** A run comes back after this time, although its permit may come later: the estimate may be wrong. */
const RECHECK_AFTER_MS = 60_000;
/** Time between two runs that come back so. A million of them is no load. */
const RECHECK_SPACING_MS = 10;

type Limits = Pick<HandlerSettings, 'concurrency' | 'rateLimit'>;

/** Permit of a run, until the run ends. */
export interface Permit {
  readonly begunAt: number;
}

/** The runs of a limited handler on this instance: those that go on, those that wait, and when others may come back. */
export class HandlerLimiter {
  readonly #concurrency: number;
  readonly #window: RateWindow | undefined;
  /** Least time between the permits of two runs, by the rate. */
  readonly #rateSpacing: number;
  readonly #waiting = new Set<(permit: Permit) => void>();
  /** In the order in which they have begun. */
  readonly #running = new Set<Permit>();
  #meanDuration = FIRST_DURATION_MS;
  /** Time of the last permit that was promised to a run which does not wait here. */
  #promisedUntil = 0;
  #rechecksUntil = 0;
  #timer?: NodeJS.Timeout | undefined;

  constructor(
    { concurrency = Infinity, rateLimit }: Limits,
    private readonly clock: Clock,
  ) {
    this.#concurrency = concurrency;
    this.#window = rateLimit && new RateWindow(rateLimit.max, rateLimit.per);
    this.#rateSpacing = rateLimit ? rateLimit.per / rateLimit.max : 0;
  }

  /** Number of runs that wait for a permit. */
  get length(): number {
    return this.#waiting.size;
  }

  /** Returns true while permits are promised to runs which do not wait here. A run that is new comes after them. */
  get hasPromised(): boolean {
    return this.#promisedUntil > this.clock.now();
  }

  /** Takes a permit if there is one now and nobody waits for it. */
  enter(): Permit | undefined {
    return this.#waiting.size === 0 && this.#hasPermit ? this.#begin() : undefined;
  }

  /** Resolves once the run has its permit, or to undefined at the cancellation. */
  wait(cancellation: Cancellation): Promise<Permit | undefined> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      cancellation.onCancel(() => {
        if (!this.#waiting.delete(resolve)) return;
        resolve(undefined);
        this.#serve();
      });
      this.#serve();
    });
  }

  /** Returns a permit. The next run that waits gets one then. */
  leave(permit: Permit): void {
    this.#running.delete(permit);
    this.#meanDuration += LAST_SHARE * (this.clock.now() - permit.begunAt - this.#meanDuration);
    this.#serve();
  }

  /** Promises a permit to a run that does not wait here. Returns the milliseconds until it comes back. */
  postpone(): number {
    const now = this.clock.now();
    const spacing = Math.max(this.#rateSpacing, this.#duration(now) / this.#concurrency);
    this.#promisedUntil = Math.max(this.#promisedUntil + spacing, now + this.#permitIn(this.length + 1, now));
    this.#rechecksUntil = Math.max(this.#rechecksUntil + RECHECK_SPACING_MS, now + RECHECK_AFTER_MS);
    return Math.ceil(Math.min(this.#promisedUntil, this.#rechecksUntil) - now);
  }

  get #hasPermit(): boolean {
    return this.#running.size < this.#concurrency && this.#rateDelay === 0;
  }

  get #rateDelay(): number {
    const now = this.clock.now();
    return this.#window ? this.#window.allowedAt(1, now) - now : 0;
  }

  /** Returns the milliseconds after which the n-th run from now is expected to begin. */
  #permitIn(n: number, now: number): number {
    const byRate = this.#window ? this.#window.allowedAt(n, now) - now : 0;
    return Math.max(byRate, (n / this.#concurrency) * this.#duration(now));
  }

  /** Returns the expected duration of a run: the mean, or that of the longest one now if it has gone on for longer. */
  #duration(now: number): number {
    const [oldest] = this.#running;
    return Math.max(this.#meanDuration, oldest ? now - oldest.begunAt : 0);
  }

  #begin(): Permit {
    const permit = { begunAt: this.clock.now() };
    this.#running.add(permit);
    this.#window?.begin(permit.begunAt);
    return permit;
  }

  #serve(): void {
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting) {
      if (!this.#hasPermit) break;
      this.#waiting.delete(resolve);
      resolve(this.#begin());
    }
    if (this.#waiting.size === 0 || this.#running.size >= this.#concurrency) return; // the end of a run serves next
    this.#timer = setTimeout(() => this.#serve(), this.#rateDelay);
  }
}
