/** Lets one line pass in each interval. It is for what is announced again and again as long as it is so. */
export class LogThrottle {
  readonly #nextAt = new Map<string, number>();

  constructor(private readonly intervalMs: number) {}

  /** @param key lines of different keys do not hold each other back */
  pass(key: string, write: () => void): void {
    const now = performance.now();
    if (now < (this.#nextAt.get(key) ?? -Infinity)) return;
    write();
    this.#nextAt.set(key, now + this.intervalMs);
  }
}
