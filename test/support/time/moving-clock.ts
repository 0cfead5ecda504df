import type { Clock } from 'nestjs-cr3dentials-webhook';

/** Runs with the machine's clock, and can be moved. */
export class MovingClock implements Clock {
  #offset = 0;

  now(): number {
    return Date.now() + this.#offset;
  }

  advance(milliseconds: number): void {
    this.#offset += milliseconds;
  }
}
