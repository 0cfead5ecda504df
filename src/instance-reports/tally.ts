import { addTo, bucketOf, type Buckets } from './latency.histogram.js';

/** What is counted of one subject in one minute or hour, as its row has it. */
export interface Tally {
  /** Counts by name. */
  readonly counts: Record<string, number>;
  /** Latencies. */
  readonly latency: Buckets;
  /** Longest time that the oldest due delivery has waited, in milliseconds. */
  oldestDue?: number;
}

export function emptyTally(): Tally {
  return { counts: {}, latency: {} };
}

/** Adds the numbers of a tally to those of another. */
export function mergeInto(target: Tally, { counts, latency, oldestDue }: Tally): void {
  addTo(target.counts, counts);
  addTo(target.latency as Record<string, number>, latency as Record<string, number>);
  if (oldestDue !== undefined) target.oldestDue = Math.max(target.oldestDue ?? 0, oldestDue);
}

/** Counts once, with a latency in milliseconds if there is one. */
export function countIn(tally: Tally, counter: string, latencyMs?: number): void {
  tally.counts[counter] = (tally.counts[counter] ?? 0) + 1;
  if (latencyMs === undefined) return;
  const bucket = bucketOf(latencyMs);
  tally.latency[bucket] = (tally.latency[bucket] ?? 0) + 1;
}
