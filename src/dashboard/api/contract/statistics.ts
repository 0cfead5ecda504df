import type { ErrorGroup } from '../../../operations/error-group.view.js';
import type { HandlerSummary, Instance, SecretRecord } from '../../../operations/instance.view.js';
import type { TallyPoint } from '../../../operations/tally.view.js';

/**
 * What is wrong, in words.
 *
 * @publicApi
 */
export interface Problem {
  /** Stable across versions. */
  code: string;
  /** `failing` is an outage. */
  severity: 'degraded' | 'failing';
  /** One sentence. */
  message: string;
  /** What to do; null if the message says it. */
  remedy: string | null;
  /** Number that is too large or too small; null without one. */
  value: number | null;
}

/**
 * Answer of `GET api/overview`. It has an ETag, and is shared by all viewers of an instance.
 *
 * @publicApi
 */
export interface Overview {
  /** Time when it was asked of the database. */
  now: number;
  /** What is wrong, the worst first. */
  problems: Problem[];
  /** Numbers, each of which leads to a list. */
  numbers: OverviewNumbers;
}

/**
 * Numbers of the overview.
 *
 * @publicApi
 */
export interface OverviewNumbers {
  /** POSTs accepted in the last full minute; null while there are no tallies. */
  receivedPerMinute: number | null;
  /** Deliveries completed in the last full minute; null while there are no tallies. */
  completedPerMinute: number | null;
  /** Milliseconds that the oldest due delivery has waited; 0 if none is due. */
  oldestDue: number;
  /** Deliveries that wait. */
  pending: number;
  /** Deliveries that a worker has. */
  processing: number;
  /** Dead deliveries. */
  dead: number;
  /** Deliveries without a handler. */
  unhandled: number;
  /** Rejections that nobody has decided on. */
  openRejections: number;
  /** Milliseconds from receipt to completion in this hour of the clock, or in the one before; median; null without any. */
  p50: number | null;
  /** The same, of which 1 in 100 is slower. */
  p99: number | null;
  /** POSTs refused with 400, 401, 413 or 415 in the last hour; null while there are no tallies. */
  refusedLastHour: number | null;
  /** POSTs answered 503 in the last hour; null while there are no tallies. */
  unavailableLastHour: number | null;
  /** Completed deliveries, as the database estimates them. */
  completedEstimate: number;
  /** Time of the newest delivery; null without one. */
  lastReceivedAt: number | null;
}

/**
 * Query of `GET api/tallies`.
 *
 * @publicApi
 */
export interface TallyRequest {
  /** `inbox`, or a handler as `handler:ledger.book`. @default 'inbox' */
  subject?: string;
  /** First moment. */
  from: number;
  /** End. @default now */
  to?: number;
  /** Milliseconds of a point, in whole minutes. @default what gives 400 points at most */
  step?: number;
}

/**
 * Answer of `GET api/tallies`.
 *
 * @publicApi
 */
export interface TallyAnswer {
  /** Time of the answer. */
  now: number;
  /** What was counted. */
  subject: string;
  /** Begin of the first point. */
  from: number;
  /** End of the last point. */
  to: number;
  /** Milliseconds of a point. */
  step: number;
  /** Time when counting began; null while there are no tallies. */
  since: number | null;
  /** Points in order, without gaps. */
  points: readonly TallyPoint[];
  /** Instances that started in this time. */
  starts: InstanceStart[];
}

/**
 * Start of an instance, to be marked in a chart.
 *
 * @publicApi
 */
export interface InstanceStart {
  /** Time of the start. */
  at: number;
  /** Name of the machine. */
  host: string;
  /** Version of the application, else of this package. */
  version: string;
}

/**
 * Query of `GET api/errors`.
 *
 * @publicApi
 */
export interface ErrorQuery {
  /** @default 'dead' */
  state?: 'dead' | 'pending';
  /** Only of this handler. */
  handler?: string;
  /** Only of this tenant. */
  tenant?: string;
  /** Received at this time or later. With `to`. */
  from?: number;
  /** Received before this time. With `from`. */
  to?: number;
}

/**
 * Answer of `GET api/errors`, the largest group first.
 *
 * @publicApi
 */
export interface ErrorListing {
  /** Time of the answer. */
  now: number;
  /** Groups of deliveries that failed with the same error, but for numbers, ids and quoted texts. */
  groups: readonly ErrorGroup[];
  /** Number of deliveries that were looked at. */
  deliveries: number;
  /** True if there are older ones that were not looked at. */
  isPartial: boolean;
}

/**
 * Answer of a list that is not paged: `api/handlers`, `api/secrets`.
 *
 * @publicApi
 */
export interface Listing<T> {
  /** Time of the answer. */
  now: number;
  /** All rows. */
  items: readonly T[];
}

/**
 * Answer of `GET api/handlers`.
 *
 * @publicApi
 */
export type HandlerListing = Listing<HandlerSummary>;

/**
 * Answer of `GET api/secrets`. It has no value, hash or part of a secret.
 *
 * @publicApi
 */
export type SecretListing = Listing<SecretRecord>;

/**
 * Answer of `GET api/instances`.
 *
 * @publicApi
 */
export interface InstanceListing {
  /** Time of the answer. */
  now: number;
  /** Instances, those last heard of first. Their settings are in `api/settings`. */
  items: Omit<Instance, 'settings'>[];
  /** Differences between live instances, in sentences. */
  differences: string[];
}

/**
 * Value of an option.
 *
 * @publicApi
 */
export interface SettingValue {
  /** As JSON. */
  value: string;
  /** Ids of the live instances that have it. */
  instances: string[];
}

/**
 * One option, as instances have it.
 *
 * @publicApi
 */
export interface SettingRow {
  /** Path such as `processing.lease`. */
  name: string;
  /** Values as JSON, each with the live instances that have it. */
  values: SettingValue[];
  /** Value of the answering instance if nobody sets it, as JSON; null if there is none. */
  default: string | null;
}

/**
 * Answer of `GET api/settings`. It has no secret and no address of a database.
 *
 * @publicApi
 */
export type SettingListing = Listing<SettingRow>;
