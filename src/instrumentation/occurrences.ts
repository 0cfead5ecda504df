import type { DatabaseOperation, DeliverySource, OccurrenceError, AttemptOutcome } from './occurrence.types.js';
import type { RefusalKind, SecretProblem } from './refusal.kind.js';

export type { DatabaseOperation, DeliverySource, OccurrenceError, AttemptOutcome };

/**
 * One attempt of a handler, on the tracing channel `cr3dentials-webhook.attempt`. The fields of its end are undefined
 * until its `asyncEnd`.
 *
 * @publicApi
 */
export interface AttemptMessage {
  /** Worker that announces it. A process may have several. */
  readonly instance: string;
  /** Id of the delivery. */
  readonly deliveryId: string;
  /** Id of the handler. */
  readonly handler: string;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** True if an operator has replayed the delivery. */
  readonly isReplay: boolean;
  /** True if it runs in the transaction that completes it. */
  readonly isTransactional: boolean;
  /** How the delivery came to the worker. */
  readonly source: DeliverySource;
  /** Milliseconds that the delivery was due before its processing began; undefined where that is not known. */
  readonly waited: number | undefined;
  /** How it ended. */
  outcome?: AttemptOutcome;
  /** Milliseconds from the call of the handler to the outcome. The commit of its transaction is part of it. */
  duration?: number;
  /** Milliseconds until its next attempt. */
  nextIn?: number | undefined;
  /**
   * Error of the handler. Its property `cause` is the raw one, which may quote personal data. It is not enumerable, so
   * that no copy and no JSON has it.
   */
  error?: OccurrenceError;
}

/**
 * Everything that the module announces on diagnostics channels, by name. The channel of `settled` is
 * `cr3dentials-webhook:settled`. Every message has `instance` besides. Durations and ages are milliseconds. No message
 * holds a payload, a session, a reference, a status, a tenant, a header or a secret. Fields are only ever added.
 *
 * @publicApi
 */
export interface Occurrences {
  /** The app has booted. */
  started: {
    /** Paths that POSTs are received on. */
    routes: readonly string[];
    /** Type and name of the database. */
    database: string;
    /** Names of the tables. */
    tables: string;
    /** False if an acknowledged delivery could be lost in a crash. */
    isDurable: boolean;
    /** Ids by status; undefined on an instance that only receives. */
    handlers: Readonly<Record<string, readonly string[]>> | undefined;
  };
  /** The shutdown has begun. */
  draining: {
    /** Deliveries of this worker. */
    inFlight: number;
  };
  /** No handler runs any more, and no POST arrives. */
  stopped: Record<never, never>;
  /**
   * An authentic POST got its verdict, or a payload that an operator has ingested. `deliveryId`: the delivery that has
   * its content, which is an earlier one for a duplicate, and the tombstone of what is erased.
   */
  received: {
    /** Outcome of the POST. */
    verdict:
      | 'accepted'
      | 'duplicate'
      | 'erased'
      | 'conflict'
      | 'stale'
      | 'invalid'
      | 'unknown-status'
      | 'unexpected-data'
      | 'unavailable';
    /** Id of the delivery, if there is one. */
    deliveryId: string | undefined;
    /** Milliseconds. */
    duration: number;
    /** Why it failed, if it did. */
    error: OccurrenceError | undefined;
  };
  /** A POST was not answered 200. `hasVerdict`: it was authentic and read, and was announced as received before. */
  refused: {
    /** Reason of the answer. */
    kind: RefusalKind;
    /** Status of the answer; 0 if the sender has left without one. */
    status: number;
    /** What is wrong with the secret; undefined unless `kind` is `unauthorized`. */
    secretProblem: SecretProblem | undefined;
    /** True if it was announced as received before. */
    hasVerdict: boolean;
  };
  /** A batch of deliveries was written, or could not be. `size`: deliveries; `bytes`: of their bodies. */
  flushed: {
    /** Deliveries. */
    size: number;
    /** Bytes of their bodies. */
    bytes: number;
    /** Milliseconds. */
    duration: number;
    /** Why it failed, if it did. */
    error: OccurrenceError | undefined;
  };
  /** Deliveries were claimed from the database. */
  claimed: {
    /** Ids of the deliveries. */
    deliveryIds: readonly string[];
  };
  /** Deliveries whose lease had expired were claimed from another worker. */
  rescued: {
    /** Ids of the deliveries. */
    deliveryIds: readonly string[];
  };
  /** Deliveries became dead letters because their worker crashed too often. */
  poisoned: {
    /** Number of deliveries. */
    count: number;
  };
  /** The processing of a delivery began. `waited`: since it was due; undefined where that is not known. */
  begun: {
    /** Id of the delivery. */
    deliveryId: string;
    /** How the delivery came to the worker. */
    source: DeliverySource;
    /** Milliseconds since it was due; undefined where that is not known. */
    waited: number | undefined;
  };
  /**
   * The outcome of processing a delivery is durable. `returned`: it was not processed, and any worker may claim it.
   * `age`: since it was received. One whose worker had lost its lease is left out, and so may be those that were
   * written with it.
   */
  settled: {
    /** Id of the delivery. */
    deliveryId: string;
    /** State that it has now. */
    state: 'completed' | 'unhandled' | 'pending' | 'dead' | 'erased' | 'returned';
    /** Why it is dead. */
    reason: 'handler' | 'unreadable' | undefined;
    /** Milliseconds since it was received. */
    age: number;
    /** Number of times that a worker has dispatched it. */
    dispatches: number;
    /** Times that an operator has replayed it. */
    replays: number;
    /** Milliseconds until it is due again. */
    nextIn: number | undefined;
  };
  /** Leases were renewed. */
  renewed: {
    /** Number of leases. */
    count: number;
    /** Milliseconds. */
    duration: number;
  };
  /** Leases were lost, so that the handlers of their deliveries or runs were aborted. */
  'lease-lost': {
    /** Number of leases. */
    count: number;
    /** What they were of. A run has a lease of its own where a queue runs it. */
    of: 'deliveries' | 'runs';
    /** Reason of the loss. */
    why: 'not-renewed' | 'rescued' | 'erased';
  };
  /** Runs were given to a queue. `postponed`: it is full, or does not answer, and they are given to it later. */
  enqueued: {
    /** Name of the queue. */
    queue: string;
    /** Ids of the deliveries, one for each run. */
    deliveryIds: readonly string[];
    /** Whether the queue has them. */
    outcome: 'enqueued' | 'postponed';
  };
  /** A worker took a job from a queue. `not-due`: there was nothing to do any more, because the inbox knew better. */
  'queue-claimed': {
    /** Name of the queue. */
    queue: string;
    /** Whether its handler was called. */
    outcome: 'run' | 'not-due';
  };
  /** An operator decided on a delivery or a rejection. `answer`: the result of the call. */
  decided: {
    /** What was asked for. */
    decision: 'replay' | 'discard' | 'accept-rejection' | 'discard-rejection';
    /** Result of the call. */
    answer: string;
    /** Id of the delivery, if there is one. */
    deliveryId: string | undefined;
    /** Id of the rejection, if it is one. */
    rejectionId: string | undefined;
  };
  /**
   * `erase()` or `reapply()` was carried out. `isDone`: nothing is left that waits for a lock. `isComplete`: everything
   * could be searched.
   */
  erased: {
    /** Id of the erasure. */
    erasureId: string;
    /** Number of deliveries. */
    deliveries: number;
    /** Number of rejections. */
    rejections: number;
    /** Number of deliveries whose handlers were aborted. */
    interrupted: number;
    /** True if nothing is left that waits for a lock. */
    isDone: boolean;
    /** True if everything could be searched. */
    isComplete: boolean;
  };
  /** A statement failed. It is tried again. `count`: deliveries that it is about. */
  'database-unavailable': {
    /** What the statement is for. */
    operation: DatabaseOperation;
    /** Number of deliveries that the statement is about. */
    count: number;
    /** Why it failed. */
    error: OccurrenceError;
  };
}
