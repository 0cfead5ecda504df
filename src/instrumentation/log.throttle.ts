import type { Clock } from '../clock.js';

/** Lets one line pass in each interval, with the number of those it stands for. */
export class LogThrottle {
  readonly #waiting = new Map<string, { count: number; nextAt: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  /** @param key lines of different keys do not hold each other back */
  pass(key: string, write: (count: number) => void): void {
    const line = this.#waiting.get(key) ?? { count: 0, nextAt: 0 };
    this.#waiting.set(key, line);
    line.count++;
    const now = this.clock.now();
    if (now < line.nextAt) return;
    write(line.count);
    line.count = 0;
    line.nextAt = now + this.intervalMs;
  }
}
