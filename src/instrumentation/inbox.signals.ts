/** How one execution of a handler ended. `dead`: it failed, and does not run again by itself. */
export type RunOutcome = 'completed' | 'failed' | 'interrupted' | 'dead';

/** A statement of the module that the database did not answer, or refused. */
export type DatabaseOperation = 'claim' | 'renew' | 'complete' | 'settle';

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
  /** `auth` is `'none'`. */
  'auth-disabled': { routes: readonly string[] };
  'secret-weak': { secret: string; problem: 'short' | 'expired'; minLength: number };
  /** A duration that looks like seconds, or is longer than the provider waits. */
  'duration-suspect': { option: string; ms: number; problem: 'short' | 'long' };
  'shutdown-hooks-missing': Record<never, never>;
  'handlers-missing': Record<never, never>;
  /** A listener of the event emitter whose failures nobody would see. */
  'listener-unsafe': { listener: string };
  'event-emitter-failed': { error: string };
  /** The inbox survives no crash, or it is not known whether it does. */
  'not-durable': { problem: string };
  'inbox-in-memory': Record<never, never>;
  'durability-unknown': { error: string };
  /** A POST was answered 401. */
  unauthorized: Record<never, never>;
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
  /** The event of a delivery could not be made. */
  'dispatch-failed': { deliveryId: string; nextIn: number; error: string };
  /** A delivery waits for a handler that this instance does not have. */
  'handler-unknown': { handler: string; deliveryId: string };
  /** Deliveries came to their end, and that is durable. */
  completed: { count: number; state: 'completed' | 'unhandled' };
  /** Outcomes came too late: another worker has rescued the deliveries, and their handlers run again. */
  superseded: { count: number };
  'lease-lost': { count: number; why: 'not-renewed' | 'rescued' };
  /** It is tried again. */
  'database-unavailable': { operation: DatabaseOperation; count: number; error: string };
  /** A subscriber of a signal threw. */
  'subscriber-failed': { signal: string; error: string };
}

export type SignalName = keyof InboxSignals;
