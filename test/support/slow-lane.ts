import type { Socket } from 'node:net';

/** What a slow network does to each direction of each connection. */
export interface Slowness {
  /** Milliseconds. */
  readonly latency: number;
  readonly bytesPerSecond: number;
}

/** One direction of one connection: what is carried arrives later, and in its order. */
export class SlowLane {
  #freeAt = 0;
  #arrivesAt = 0;

  constructor(private readonly to: Socket) {}

  carry(chunk: Buffer, slowness: Slowness | undefined): void {
    const now = performance.now();
    const { latency, bytesPerSecond } = slowness ?? { latency: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
    this.#freeAt = Math.max(this.#freeAt, now) + (chunk.length / bytesPerSecond) * 1_000;
    this.#arrivesAt = Math.max(this.#arrivesAt, this.#freeAt + latency);
    if (this.#arrivesAt <= now) this.to.write(chunk);
    else setTimeout(() => this.to.destroyed || this.to.write(chunk), this.#arrivesAt - now);
  }
}
