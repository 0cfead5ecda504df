import type { RefusalKind } from './refusal.kind.js';

/** How one execution of a handler ended. `dead`: it failed, and does not run again by itself. */
export type RunOutcome = 'completed' | 'failed' | 'interrupted' | 'dead';

/** A statement of the module that the database did not answer, or refused. */
export type DatabaseOperation = 'claim' | 'renew' | 'complete' | 'settle' | 'identify';

/** Reason why contents do not open. */
export type UnreadableProblem = 'key-missing' | 'broken' | 'plaintext-refused' | 'destroyed';

/**
 * Everything that can happen, by name. The core announces it; log lines, counters and whatever else listens are
 * subscribers. No signal holds a payload, a session, a tenant, a header or a secret. Durations are milliseconds; errors
 * are texts that may be written down.
 */
export interface InboxSignals {
  /** The application has booted. `handlers`: the ids by status; undefined on an instance that only receives. */
  started: {
    routes: readonly string[];
    database: string;
    tables: string;
    isDurable: boolean;
    handlers: ReadonlyMap<string, readonly string[]> | undefined;
  };
  /** No handler runs any more, and no POST arrives. */
  stopped: Record<never, never>;
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
  /** A POST was not answered 200 by this module. Of the kinds with a signal of their own, both are announced. */
  refused: { kind: RefusalKind; status: number };
  /** A POST was answered 503 because its secrets could not be resolved. */
  'secrets-unavailable': { error: string };
  /** A POST was answered 503 because it is not known to be durable. */
  unavailable: { error: string };
  /** An authentic POST was kept as a rejection. */
  rejected: { reason: string };
  /** Deliveries were claimed from the database. */
  claimed: { count: number };
  /** Deliveries whose lease had expired were claimed from another worker. */
  rescued: { count: number };
  /** Deliveries became dead letters because their worker crashed too often. */
  poisoned: { count: number };
  'run-ended': {
    deliveryId: string;
    handler: string;
    attempt: number;
    /** Undefined where a function of the host decides. */
    maxAttempts: number | undefined;
    outcome: RunOutcome;
    nextIn?: number;
    error?: string;
  };
  /** A run did not begin, because earlier executions of its handler go on. No attempt was used up. */
  'run-held-back': { handler: string };
  /** Executions go on although they were aborted. Announced again and again as long as there are any. */
  'executions-overdue': { count: number; handlers: ReadonlyMap<string, number> };
  /** The host's retry function did not answer as it should. `problem` has no value of it. */
  'retry-policy-failed': { problem: string };
  /** The event of a delivery could not be made. */
  'dispatch-failed': { deliveryId: string; nextIn: number; error: string };
  /** The contents of a delivery could not be opened. `keyId`: the key that is missing, else empty. */
  unreadable: { deliveryId: string; problem: UnreadableProblem; keyId: string; isDead: boolean };
  /** The inbox was sealed with a key that is not configured. */
  'key-unknown': { keyId: string };
  /** New deliveries are written in plain text, because `encryption.current` is null. */
  'sealing-off': Record<never, never>;
  /** The key service did not answer. What is in the cache goes on being used. */
  'key-service-failed': { error: string };
  /** Milliseconds after which each is removed, at boot; undefined is never. */
  retention: Record<'payload' | 'deliveries' | 'rejections' | 'undecided', number | undefined>;
  /** Removing what is due has failed, for the n-th time in a row. It is tried again. */
  'retention-failed': { failures: number; error: string };
  /** A delivery was rescued whose runs could not be saved. Handlers that only its worker had are not called. */
  'rescued-foreign': { deliveryId: string };
  /** A delivery waits for a handler that this instance does not have. */
  'handler-unknown': { handler: string; deliveryId: string };
  /** Deliveries came to their end, and that is durable. */
  completed: { count: number; state: 'completed' | 'unhandled' };
  /** Outcomes came too late: another worker has rescued the deliveries, and their handlers run again. */
  superseded: { count: number };
  'lease-lost': { count: number; why: 'not-renewed' | 'rescued' };
  /** The clock of the database was set; negative: back. */
  'clock-stepped': { ms: number };
  /** It is tried again. */
  'database-unavailable': { operation: DatabaseOperation; count: number; error: string };
  /** A subscriber of a signal threw. */
  'subscriber-failed': { signal: string; error: string };
}

export type SignalName = keyof InboxSignals;
