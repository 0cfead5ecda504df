/** Each bucket ends at this many times the end of the one before: a value is off by less than a fifth. */
const FACTOR = 1.4;
const LOG_FACTOR = Math.log(FACTOR);
/** The last bucket has everything from about three weeks on. */
const MAX_BUCKET = 64;

/** Numbers of measurements by bucket. Most buckets are missing. */
export type Buckets = Record<number, number>;

/** Returns the bucket of a duration in milliseconds. */
export function bucketOf(ms: number): number {
  return ms <= 1 ? 0 : Math.min(MAX_BUCKET, Math.ceil(Math.log(ms) / LOG_FACTOR));
}

/**
 * Returns the duration in milliseconds below which a share of the measurements is: the middle of its bucket.
 *
 * @param share from 0 to 1
 */
export function percentileOf(buckets: Buckets, count: number, share: number): number {
  let seen = 0;
  for (let bucket = 0; bucket <= MAX_BUCKET; bucket++) {
    seen += buckets[bucket] ?? 0;
    if (seen >= share * count && seen > 0) return bucket === 0 ? 1 : Math.round(FACTOR ** (bucket - 0.5));
  }
  return 0;
}

/** Adds numbers to others, by their names. */
export function addTo(target: Record<string, number>, added: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(added)) target[name] = (target[name] ?? 0) + count;
}
