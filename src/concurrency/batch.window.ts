import { setTimeout as sleep } from 'node:timers/promises';

/** Collects items for a moment, and hands them over in batches, one after the other. */
export class BatchWindow<T> {
  private waiting: T[] = [];
  private isWriting = false;

  /** @param write must not reject */
  constructor(
    private readonly windowMs: number,
    private readonly maxItems: number,
    private readonly write: (batch: readonly T[]) => Promise<void>,
  ) {}

  add(item: T): void {
    this.waiting.push(item);
    if (!this.isWriting) void this.writeAll();
  }

  private async writeAll(): Promise<void> {
    this.isWriting = true;
    try {
      while (this.waiting.length > 0) {
        await sleep(this.windowMs);
        await this.write(this.waiting.splice(0, this.maxItems));
      }
    } finally {
      this.isWriting = false; // in the turn that has seen that nothing waits: what is added next begins anew
    }
  }
}
