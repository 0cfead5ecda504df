import type { Socket } from 'node:net';

/** The latency and bandwidth of each direction of each connection. */
export interface Throttle {
  readonly latencyMs: number;
  readonly bytesPerSecond: number;
}

/** One direction of one connection: writes arrive later, and in their order. */
export class ThrottledWriter {
  #freeAt = 0;
  #arrivesAt = 0;

  constructor(private readonly to: Socket) {}

  write(chunk: Buffer, throttle: Throttle | undefined): void {
    const now = performance.now();
    const { latencyMs, bytesPerSecond } = throttle ?? { latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
    this.#freeAt = Math.max(this.#freeAt, now) + (chunk.length / bytesPerSecond) * 1_000;
    this.#arrivesAt = Math.max(this.#arrivesAt, this.#freeAt + latencyMs);
    if (this.#arrivesAt <= now) this.to.write(chunk);
    else setTimeout(() => this.to.destroyed || this.to.write(chunk), this.#arrivesAt - now);
  }
}
