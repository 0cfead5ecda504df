/** Every latency, so that percentiles are exact. */
export class Latencies {
  private microseconds = new Uint32Array(1 << 16);
  private count = 0;

  add(milliseconds: number): void {
    if (this.count === this.microseconds.length) {
      const larger = new Uint32Array(2 * this.count);
      larger.set(this.microseconds);
      this.microseconds = larger;
    }
    this.microseconds[this.count++] = milliseconds * 1_000;
  }

  /** @returns milliseconds at each fraction, 0 when there are none */
  at(fractions: readonly number[]): number[] {
    const sorted = this.microseconds.subarray(0, this.count).toSorted();
    return fractions.map((fraction) => (sorted[Math.ceil(fraction * this.count) - 1] ?? 0) / 1_000);
  }
}
