import type { Cancellation } from './cancellation.js';

/** Limits how many tasks run at the same time. The others wait in order of arrival. */
export class Semaphore {
  #permits: number;
  readonly #waiting = new Set<() => void>();

  /** @param size number of permits */
  constructor(readonly size: number) {
    this.#permits = size;
  }

  /** @param cancellation ends the wait: the task is then not begun, and the promise rejects with the reason */
  async run<T>(task: () => Promise<T>, cancellation?: Cancellation): Promise<T> {
    await this.acquire(cancellation);
    try {
      return await task();
    } finally {
      this.release();
    }
  }

  /** Resolves to a permit, which `release()` gives back. Rejects if the wait is cancelled. */
  async acquire(cancellation?: Cancellation): Promise<void> {
    if (this.#permits > 0) this.#permits--;
    else await this.#wait(cancellation);
  }

  release(): void {
    const [next] = this.#waiting;
    if (next) next();
    else this.#permits++;
  }

  #wait(cancellation: Cancellation | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        this.#waiting.delete(begin);
        resolve();
      };
      this.#waiting.add(begin);
      cancellation?.onCancel((reason) => {
        if (this.#waiting.delete(begin)) reject(reason);
      });
    });
  }
}
