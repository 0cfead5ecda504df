import type { Came } from './connection.js';
import { Latencies } from './latencies.js';

/** Result of a load. */
export interface Load {
  /** Acknowledged in all, the warm-up included. */
  readonly acknowledged: number;
  /** Acknowledged per second while it was measured. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Everything but 200, by status, or by why the connection was lost without one. */
  readonly errors: Readonly<Record<string, number>>;
  /** Number of deliveries for which the sender had no connection. */
  readonly unsent: number;
}

/** Time that the provider waits for an answer. A delivery without one by then counts as an error. */
export const ANSWER_TIMEOUT_MS = 30_000;

/** Counts answers: all of them, and in more detail those that come while it measures. */
export class LoadRecorder {
  acknowledged = 0;
  unsent = 0;
  private readonly errors: Record<string, number> = {};
  private readonly latencies = new Latencies();
  private measured = 0;
  private beganAt = Number.NaN;
  private endedAt = Number.NaN;

  begin(): void {
    this.beganAt = performance.now();
  }

  end(): void {
    this.endedAt = performance.now();
  }

  add(came: Came, milliseconds: number): void {
    if (came === 200) this.acknowledged++;
    else this.errors[came] = (this.errors[came] ?? 0) + 1;
    if (Number.isNaN(this.beganAt) || !Number.isNaN(this.endedAt)) return;
    this.latencies.add(milliseconds);
    if (came === 200) this.measured++;
  }

  /** Given up, so many. */
  unanswered(count: number): void {
    if (count > 0) this.errors['no answer'] = count;
  }

  load(): Load {
    const [p50 = 0, p99 = 0, max = 0] = this.latencies.at([0.5, 0.99, 1]);
    const rate = (1_000 * this.measured) / (this.endedAt - this.beganAt);
    return { acknowledged: this.acknowledged, rate, p50, p99, max, errors: this.errors, unsent: this.unsent };
  }
}
