/**
 * What a probe asks.
 *
 * - `alive`: does this instance still work? If not, restart it. Nothing that all instances share is asked: a restart
 *   would not mend it.
 * - `ready`: should this instance get requests? It should until its shutdown begins. Without its database the module
 *   answers 503, and the sender tries again.
 * - `well`: should somebody look? It is for people and alerts, not for what restarts or removes instances.
 *
 * @publicApi
 */
export type HealthQuestion = 'alive' | 'ready' | 'well';

/**
 * Problem of an instance or of the inbox.
 *
 * - `leases-not-renewed`: leases were not renewed for the time of a lease, with deliveries in flight.
 * - `worker-stuck`: no poll has ended for 30 s, or for ten intervals, although the database answers.
 * - `queue-stuck`: jobs wait in a queue, and the worker of this instance takes none, although it was replaced.
 * - `queue-unavailable`: Redis does not answer, so the handlers of its queues wait.
 * - `draining`: the shutdown has begun.
 * - `database-unavailable`: the database does not answer within a second.
 * - `not-durable`: an acknowledged delivery could be lost in a crash.
 * - `schema-incomplete`: migrations of the inbox were not run. `value`: their number.
 * - `backlog`: the oldest due delivery has waited for long. `value`: milliseconds.
 * - `dead-letters`: deliveries are dead. `value`: their number.
 * - `rejections`: nobody has decided on rejections. `value`: their number.
 * - `secret-expires`: the last secret that is valid expires soon. `value`: milliseconds.
 * - `secrets-expired`: no secret is valid.
 * - `inbox-full`: the POSTs that wait take up more than nine tenths of `receiving.maxQueued` or `maxQueuedBytes`.
 * - `clock-apart`: the clock of this machine is off that of the database. `value`: milliseconds.
 * - `nobody-processes`: there is a `backlog`, and no live instance processes. `value`: milliseconds of the oldest.
 * - `unauthorized`: POSTs are answered 401. `value`: their number in the last 10 minutes.
 * - `unavailable`: POSTs were answered 503. `value`: their number in the last 10 minutes.
 * - `expired-secret-used`: the provider sends a secret that has expired, so its POSTs are refused.
 * - `instance-lost`: an instance is not heard of, and has not stopped. `value`: their number.
 * - `instances-differ`: live instances have other handlers or secrets than others, or another version.
 *
 * @publicApi
 */
export type HealthProblemCode =
  | 'leases-not-renewed'
  | 'worker-stuck'
  | 'queue-stuck'
  | 'queue-unavailable'
  | 'draining'
  | 'database-unavailable'
  | 'not-durable'
  | 'schema-incomplete'
  | 'backlog'
  | 'dead-letters'
  | 'rejections'
  | 'secret-expires'
  | 'secrets-expired'
  | 'inbox-full'
  | 'clock-apart'
  | 'nobody-processes'
  | 'unauthorized'
  | 'unavailable'
  | 'expired-secret-used'
  | 'instance-lost'
  | 'instances-differ';

/**
 * Health of an instance, or of the whole inbox.
 *
 * @publicApi
 */
export interface InboxHealth {
  /** The worst severity of the problems; `ok` without one. */
  readonly status: 'ok' | 'degraded' | 'failing';
  /** What is wrong. */
  readonly problems: readonly HealthProblem[];
}

/**
 * A problem, in words without personal data.
 *
 * @publicApi
 */
export interface HealthProblem {
  /** Stable across versions. */
  readonly code: HealthProblemCode;
  /** `failing` is an outage. */
  readonly severity: 'degraded' | 'failing';
  /** One sentence. */
  readonly message: string;
  /** What to do, in one or two sentences. */
  readonly remedy: string;
  /** Number that is too large or too small. */
  readonly value?: number;
}

/**
 * Values from which something is a problem. `Infinity` is never.
 *
 * @publicApi
 */
export interface HealthLimits {
  /** From this value on, somebody should look. */
  degraded?: number;
  /** From this value on, it is an outage. */
  failing?: number;
}

/**
 * Question, and the limits of `well`.
 *
 * @publicApi
 */
export interface HealthOptions {
  /** @default 'well' */
  question?: HealthQuestion;
  /** Milliseconds that the oldest due delivery has waited. @default { degraded: 60000, failing: 900000 } */
  backlog?: HealthLimits;
  /** Number of dead deliveries. @default { degraded: 1, failing: 100 } */
  deadLetters?: HealthLimits;
  /** Number of open rejections. @default { degraded: 1, failing: Infinity } */
  rejections?: HealthLimits;
  /** Milliseconds before the last valid secret expires. @default 14 days */
  secretExpiry?: number;
  /** Milliseconds between the clocks of this machine and of the database. @default 5000 */
  clockOffset?: number;
}
