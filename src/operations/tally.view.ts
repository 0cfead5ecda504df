/**
 * What is counted. Of POSTs: `accepted`, `duplicate`, `conflict` (`stale` ones are in it), `rejected`, `refused` (400,
 * 413, 415, or by the host), `unauthorized` (401), `unavailable` (503). Of deliveries: `completed` at the first
 * attempt, `completedAfterRetry`, `failed` (an attempt that is tried again), `dead`, `unhandled`. Of a handler:
 * `completed`, `failed`, `interrupted`, `dead`.
 *
 * @publicApi
 */
export type TallyCounter =
  | 'accepted'
  | 'duplicate'
  | 'conflict'
  | 'rejected'
  | 'refused'
  | 'unauthorized'
  | 'unavailable'
  | 'completed'
  | 'completedAfterRetry'
  | 'failed'
  | 'interrupted'
  | 'dead'
  | 'unhandled';

/**
 * Numbers that are asked for.
 *
 * @publicApi
 */
export interface TallyQuery {
  /** `'inbox'`, or a handler as `'handler:ledger.book'`. @default 'inbox' */
  subject?: string;
  /** First moment. Minutes are kept for 48 hours, hours for 90 days. */
  from: Date | number;
  /** End. @default now */
  to?: Date | number;
  /**
   * Milliseconds of a point, in whole minutes. A point of an hour or more is read from hours. @default the shortest of
   * 1, 5, 15 and 60 minutes, 6 hours and a day with at most 400 points
   */
  step?: number;
}

/**
 * Numbers of one point in time.
 *
 * @publicApi
 */
export interface TallyPoint {
  /** Its begin, in epoch milliseconds. */
  readonly at: number;
  /** Counts of all instances together. What was not counted is left out. */
  readonly counts: Readonly<Partial<Record<TallyCounter, number>>>;
  /**
   * Milliseconds from receipt to completion; of a handler, from its call to its outcome. Each is off by a fifth at
   * most. Null if nothing completed.
   */
  readonly latency: {
    /** Number of measurements. */
    readonly count: number;
    /** Median. */
    readonly p50: number;
    /** 95th percentile. */
    readonly p95: number;
    /** 99th percentile. */
    readonly p99: number;
  } | null;
  /** Longest time that the oldest due delivery has waited, in milliseconds; null where it was not asked. */
  readonly oldestDue: number | null;
}

/**
 * Numbers over time, of all instances together.
 *
 * @publicApi
 */
export interface Tallies {
  /** What was counted. */
  readonly subject: string;
  /** Begin of the first point. */
  readonly from: number;
  /** End of the last point. */
  readonly to: number;
  /** Milliseconds of a point. */
  readonly step: number;
  /** Time of the earliest count that is kept of any subject; null without one. Before it, nothing is known. */
  readonly since: number | null;
  /** Points in order, without gaps. */
  readonly points: readonly TallyPoint[];
}
