import type { PortalDelivery } from '../testing/portal.js';
import type { Planned } from './plan.js';

/** A delivery that was given up after its last retry. */
export interface Failure {
  readonly sessionId: string;
  readonly attempts: number;
  /** Status code of the last attempt; null when it got no answer. */
  readonly statusCode: number | null;
  readonly error: string | null;
}

/** The result of a run. Durations are milliseconds. */
export interface Summary {
  readonly deliveries: number;
  /** Number of different sessions. */
  readonly sessions: number;
  readonly delivered: number;
  readonly failed: number;
  readonly attempts: number;
  readonly retries: number;
  /** Answered attempts, counted by status code. */
  readonly statusCodes: Record<string, number>;
  /** Attempts without an answer, counted by error. */
  readonly errors: Record<string, number>;
  /** Percentiles of the durations of answered attempts; null when there are none. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  readonly duration: number;
  readonly perSecond: number;
  /** The first failures, 20 at most. */
  readonly failures: readonly Failure[];
}

const MAX_FAILURES = 20;

/** Counts the results of deliveries. */
export class SummaryCounter {
  readonly #begun = performance.now();
  readonly #sessions = new Set<string>();
  readonly #statusCodes = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #durations: number[] = [];
  readonly #failures: Failure[] = [];
  #delivered = 0;
  #failed = 0;
  #attempts = 0;

  get deliveries(): number {
    return this.#delivered + this.#failed;
  }

  count({ sessionId }: Planned, { delivered, attempts }: PortalDelivery): void {
    this.#sessions.add(sessionId);
    this.#attempts += attempts.length;
    for (const { statusCode, error, duration } of attempts) {
      if (statusCode === null) increment(this.#errors, error ?? '');
      else {
        increment(this.#statusCodes, String(statusCode));
        this.#durations.push(duration);
      }
    }
    if (delivered) this.#delivered++;
    else {
      this.#failed++;
      const { statusCode = null, error = null } = attempts.at(-1) ?? {};
      if (this.#failures.length < MAX_FAILURES)
        this.#failures.push({ sessionId, attempts: attempts.length, statusCode, error });
    }
  }

  summary(): Summary {
    const duration = performance.now() - this.#begun;
    return {
      deliveries: this.deliveries,
      sessions: this.#sessions.size,
      delivered: this.#delivered,
      failed: this.#failed,
      attempts: this.#attempts,
      retries: this.#attempts - this.deliveries,
      statusCodes: sorted(this.#statusCodes),
      errors: sorted(this.#errors),
      latency: percentiles(this.#durations),
      duration: Math.round(duration),
      perSecond: Math.round((this.deliveries / duration) * 1_000),
      failures: this.#failures,
    };
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted(counts: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b)));
}

function percentiles(durations: readonly number[]): Summary['latency'] {
  if (durations.length === 0) return null;
  const ascending = Float64Array.from(durations).toSorted();
  // Nearest rank: the smallest duration that this percentage of attempts does not exceed.
  const percentile = (percent: number) =>
    Math.round((ascending[Math.ceil((percent / 100) * ascending.length) - 1] ?? 0) * 100) / 100;
  return { p50: percentile(50), p95: percentile(95), p99: percentile(99) };
}
