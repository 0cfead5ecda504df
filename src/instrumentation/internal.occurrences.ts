import type { ActionName, ActionSource } from './action.names.js';
import type { Occurrences, AttemptOutcome } from './occurrences.js';

/** Reason why contents do not open. */
export type UnreadableProblem = 'key-missing' | 'broken' | 'plaintext-refused' | 'destroyed';

/**
 * Everything that can happen, by name. The core announces it; log lines, counters, diagnostics channels and whatever
 * else listens are subscribers. None holds a payload, a session, a tenant, a header or a secret. Durations are
 * milliseconds; errors may be written down. Those of `Occurrences` are public.
 */
export interface InternalOccurrences extends Occurrences {
  /** `auth` is `'none'`. */
  'auth-disabled': { routes: readonly string[] };
  'secret-weak': { secret: string; problem: 'short' | 'expired'; minLength: number };
  /** A duration that looks like seconds, or is longer than the provider waits. */
  'duration-suspect': { option: string; ms: number; problem: 'short' | 'long' };
  'shutdown-hooks-missing': Record<never, never>;
  'handlers-missing': Record<never, never>;
  /** The pool of the host has so few connections that a transaction of a handler may take the last one. */
  'pool-scarce': { connections: number };
  /** A handler without an id of its own, of a class whose name the next build may give to another. */
  'handler-id-unstable': { handler: string };
  /** A listener of the event emitter whose failures nobody would see. */
  'listener-unsafe': { listener: string };
  'event-emitter-failed': { error: string };
  /** The inbox survives no crash, or it is not known whether it does. */
  'not-durable': { problem: string };
  'inbox-in-memory': Record<never, never>;
  'durability-unknown': { error: string };
  /** `LISTEN` and `NOTIFY` do not work at present. It is announced once, until they do. */
  'notifications-lost': { error: string };
  /** A POST was answered 503 because its secrets could not be resolved. */
  'secrets-unavailable': { error: string };
  /** A POST was answered 503 because it is not known to be durable. */
  unavailable: { error: string };
  /** An authentic POST was kept as a rejection. */
  rejected: { reason: string };
  /** A run of a queue is dead, because its worker crashed too often. The delivery has the reason `handler` then. */
  'run-poisoned': { deliveryId: string; handler: string };
  'attempt-ended': {
    deliveryId: string;
    handler: string;
    attempt: number;
    /** Undefined where a function of the host decides. */
    maxAttempts: number | undefined;
    outcome: AttemptOutcome;
    nextIn: number | undefined;
    error: string | undefined;
    /** Milliseconds from the call of the handler to its end. */
    took: number;
  };
  /** A run did not begin, because earlier executions of its handler go on. No attempt was used up. */
  'run-held-back': { handler: string };
  /** A run did not begin, because its handler is at its limits. No attempt was used up. */
  'run-postponed': { handler: string; nextIn: number };
  /** Transactional handlers wait, and none could begin for a second. Announced as long as that is so. */
  'pool-exhausted': { waiting: number };
  /** Executions go on although they were aborted. Announced again and again as long as there are any. */
  'executions-overdue': { count: number; handlers: ReadonlyMap<string, number> };
  /** The host's retry function did not answer as it should. `problem` has no value of it. */
  'retry-policy-failed': { option: string; problem: string };
  /** The event of a delivery could not be made. */
  'dispatch-failed': { deliveryId: string; nextIn: number; error: string };
  /** The contents of a delivery could not be opened. `keyId`: the key that is missing, else empty. */
  unreadable: { deliveryId: string; problem: UnreadableProblem; keyId: string; isDead: boolean };
  /** The inbox was sealed with a key that is not configured. */
  'key-unknown': { keyId: string };
  /** New deliveries are written in plain text, because `encryption.current` is null. */
  'sealing-off': Record<never, never>;
  /** The key service did not answer. Cached keys stay in use. */
  'key-service-failed': { error: string };
  /** Milliseconds after which each is removed, at boot; undefined is never. */
  retention: Record<'payload' | 'deliveries' | 'rejections' | 'undecided' | 'tombstones', number | undefined>;
  /** Removing what is due has failed, for the n-th time in a row. It is tried again. */
  'retention-failed': { failures: number; error: string };
  /** The second look at an erasure has found something that was being written meanwhile, and erased it. */
  'erasure-swept': { erasureId: string; deliveries: number; rejections: number };
  /** An erasure could not be continued. It is tried again. */
  'erasure-failed': { error: string };
  /** A delivery was rescued of a worker whose handlers nobody has recorded. Those that only it had are not called. */
  'rescued-without-runs': { deliveryId: string };
  /** A delivery waits for a handler that this instance does not have. */
  'handler-unknown': { handler: string; deliveryId: string };
  /** A queue has given a run of a handler that this instance does not have. */
  'queue-handler-unknown': { handler: string };
  /** A queue has given a run that is not in this inbox: it was removed, or is of another inbox. */
  'queue-run-unknown': { queue: string };
  /** The server of the queues may remove what is in it when its memory is full. */
  'queue-evicts': { policy: string };
  /** The server of the queues does not answer. Their runs wait in the inbox. */
  'queue-unavailable': { queue: string; error: string };
  /** A queue answers again, or has lost what it had. `count`: deliveries that are given to it once more. */
  'queue-recovered': { count: number; why: 'answers' | 'lost' };
  /** The worker of a queue took no job, although jobs wait and its server answers. It is replaced. */
  'queue-stuck': { queue: string };
  /** Outcomes came too late: another worker has rescued the deliveries, and their handlers run again. */
  'outcome-late': { count: number };
  /** Outcomes of deliveries that were erased while their handlers ran. They are not kept. */
  'outcome-erased': { count: number };
  /** The clock of the database was set; negative: back. */
  'clock-stepped': { ms: number };
  /** An operator has acted. `targetId`: null for several deliveries, whose number is `count`. */
  acted: {
    action: ActionName;
    operator: string | null;
    source: ActionSource;
    targetId: string | null;
    count: number;
    handlers: readonly string[] | null;
    reason: string | null;
  };
  /** The host's `onAction` threw, or its promise was rejected. */
  'action-callback-failed': { error: string };
  /** A bulk operation has paused because too many of the deliveries that it has replayed are dead again. */
  'bulk-paused': { bulkId: string; replayed: number; deadAgain: number };
  /** An instance could not go on with a bulk operation. It is tried again. */
  'bulk-failed': { error: string };
  /** What this instance observes could not be written. Announced once until it can. */
  'instance-report-failed': { error: string };
  /** A hook of the host's telemetry threw. */
  'telemetry-failed': { hook: string; error: string };
  /** A subscriber of an occurrence threw. */
  'subscriber-failed': { occurrence: string; error: string };
}

export type InternalOccurrenceName = keyof InternalOccurrences;
