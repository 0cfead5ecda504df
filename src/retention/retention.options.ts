import { fields, invalid, kind, whole, type Check } from '../option.checks.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const UNITS_MS = { h: HOUR_MS, d: DAY_MS, y: 365 * DAY_MS } as const;
const DURATION = /^([1-9]\d*)([hdy])$/;
/** The provider retries for less, and its portal can send again by hand. */
const MIN_DELIVERIES_MS = 7 * DAY_MS;

/**
 * Time for which something is kept: milliseconds, or hours, days or years of 365 days, such as `'12h'`, `'30d'`,
 * `'1y'`.
 *
 * @publicApi
 */
export type RetentionPeriod = number | `${number}${'h' | 'd' | 'y'}`;

/**
 * Times for which the inbox keeps what it holds. What is not named is kept for ever.
 *
 * @publicApi
 */
export interface RetentionOptions {
  /**
   * Contents of deliveries that are completed or discarded, from their end. The row stays: a repetition is still a
   * duplicate. A delivery without contents cannot be replayed.
   *
   * @default kept
   */
  payload?: RetentionPeriod;
  /**
   * Rows of deliveries that are completed or discarded, from their end: 7 days or more, and not shorter than `payload`.
   * The session is forgotten then. A POST that is as old is kept as a rejection (`stale`).
   *
   * @default kept
   */
  deliveries?: RetentionPeriod;
  /** Rejections that were accepted or discarded, from their last receipt. @default kept */
  rejections?: RetentionPeriod;
  /**
   * Things that wait for a person: contents of deliveries that are dead or unhandled, from their end; open rejections,
   * from their last receipt.
   *
   * @default kept
   */
  undecided?: RetentionPeriod;
  /**
   * Tombstones of sessions that were erased, and the records of their erasures, from the erasure. A repetition of the
   * session is new then. 7 days or more.
   *
   * @default kept
   */
  tombstones?: RetentionPeriod;
  /** Milliseconds between two looks at what is due. One instance removes at a time. @default 300000 */
  interval?: number;
}

/** Milliseconds for each; undefined is for ever. */
export interface RetentionSettings {
  readonly payload: number | undefined;
  readonly deliveries: number | undefined;
  readonly rejections: number | undefined;
  readonly undecided: number | undefined;
  readonly tombstones: number | undefined;
  readonly interval: number;
}

export const RETENTION_SETTINGS = Symbol('cr3dentials-webhook retention settings');

const period: Check = (value, name) => {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return;
  if (typeof value === 'string' && DURATION.test(value)) return;
  const given = typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : kind(value);
  throw invalid(`Option "${name}" must be milliseconds, or a time such as "12h", "30d" or "1y", not ${given}.`);
};

export const retentionCheck = fields({
  payload: period,
  deliveries: period,
  rejections: period,
  undecided: period,
  tombstones: period,
  interval: whole(1),
});

/**
 * Fills in the defaults.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when two of the options contradict each other
 */
export function retentionSettings(options: RetentionOptions = {}): RetentionSettings {
  const [payload, deliveries] = [toMilliseconds(options.payload), toMilliseconds(options.deliveries)];
  const tombstones = toMilliseconds(options.tombstones);
  for (const [name, kept] of Object.entries({ deliveries, tombstones })) {
    if (kept === undefined || kept >= MIN_DELIVERIES_MS) continue;
    throw invalid(
      `Option "retention.${name}" is shorter than 7 days: the provider could send a session again that was forgotten. Raise it to "7d" or more.`,
    );
  }
  if (deliveries !== undefined && payload !== undefined && payload > deliveries)
    throw invalid('Option "retention.payload" is longer than "retention.deliveries". Raise "retention.deliveries".');
  return {
    payload,
    deliveries,
    rejections: toMilliseconds(options.rejections),
    undecided: toMilliseconds(options.undecided),
    tombstones,
    interval: options.interval ?? 300_000,
  };
}

function toMilliseconds(given: RetentionPeriod | undefined): number | undefined {
  if (typeof given !== 'string') return given;
  const [, count = '', unit = 'd'] = DURATION.exec(given) ?? [];
  return Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
