import { Injectable } from '@nestjs/common';
import { BoundedMap } from '../../concurrency/bounded-map.js';
import { keyOfRun } from '../../inbox/handler-run.queries.js';

/** Number of interruptions of a run in a row that use up no attempt. */
const MAX_FREE = 5;
/** Most runs that are remembered. The oldest are dropped first. */
const MAX_RUNS = 10_000;

/**
 * Counts the interruptions of a run in a row, in this process. An outage ends. What interrupts a handler again and
 * again is the handler itself: it breaks the connection of its own transaction, for example.
 */
@Injectable()
export class InterruptionCounter {
  readonly #counts = new BoundedMap<string, number>(MAX_RUNS);

  /** Counts an interruption. Returns how many there were in a row, or `undefined` once they use up attempts. */
  add(deliveryId: string, handler: string): number | undefined {
    const run = keyOfRun({ deliveryId, handler });
    const count = (this.#counts.get(run) ?? 0) + 1;
    this.#counts.set(run, count);
    return count > MAX_FREE ? undefined : count;
  }

  /** Forgets a run that has ended. */
  forget(deliveryId: string, handler: string): void {
    if (this.#counts.size > 0) this.#counts.delete(keyOfRun({ deliveryId, handler }));
  }
}
