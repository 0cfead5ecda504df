import type { InboxGauges } from './inbox.gauges.js';
import type { OccurrenceError, Occurrences, AttemptMessage } from './occurrences.js';

/**
 * What follows deliveries for a monitoring system, such as `openTelemetry()` and `promClient()`. When a hook throws,
 * the work goes on without it, and an ERROR line says so.
 *
 * @publicApi
 */
export interface Telemetry {
  /** Begins, at boot, before anything is received. What it returns is called at the end of the shutdown. */
  start?(source: TelemetrySource): void | (() => unknown);
  /** Is called in the async context of an authentic POST, before it is recorded. */
  receiving?(): ReceivingSpan | undefined;
  /**
   * Calls `handle` once, in the async context that the handler is to have. `event` is the `VerificationEvent` that the
   * handler gets, with the data of a person.
   */
  around?(attempt: AttemptFacts, handle: () => void, event: unknown): void;
  /** Hears of the statements for a batch of deliveries, once they have ended. It is not called for an empty batch. */
  batch?(batch: BatchFacts): void;
  /** Returns the W3C `traceparent` of the active span: that of an operator, who replays deliveries. 55 characters. */
  active?(): string | undefined;
  /** Calls `work` once, in the async context of what belongs to no delivery: polls, renewals, batches. */
  quiet?(work: () => void): void;
}

/**
 * What the statements for a batch of deliveries are for. `flush`: they are recorded. `claim`: they are claimed, or
 * rescued. `settle`: the outcomes of their handlers are written.
 *
 * @publicApi
 */
export type BatchOperation = 'flush' | 'claim' | 'settle';

/**
 * Statements for a batch of deliveries.
 *
 * @publicApi
 */
export interface BatchFacts {
  /** What they are for. */
  readonly operation: BatchOperation;
  /** Number of deliveries, from 1. */
  readonly count: number;
  /** Those of its deliveries whose POSTs were traced, 32 at most. */
  readonly traceparents: readonly string[];
  /** Milliseconds. */
  readonly duration: number;
  /** Why they failed, if they did. */
  readonly error: OccurrenceError | undefined;
}

/**
 * A POST that is being recorded.
 *
 * @publicApi
 */
export interface ReceivingSpan {
  /** W3C `traceparent`, kept with the delivery, so that later attempts can be linked to the POST. 55 characters. */
  readonly traceparent?: string | undefined;
  /** Is called once, with the verdict. */
  end(received: Occurrences['received']): void;
}

/**
 * An attempt: a handler that is about to be called.
 *
 * @publicApi
 */
export interface AttemptFacts extends Readonly<Omit<AttemptMessage, 'outcome' | 'duration' | 'nextIn' | 'error'>> {
  /** As the receipt of the first POST had it; null if nobody traced it. */
  readonly traceparent: string | null;
  /** That of the operator who replayed the delivery last; null if nobody traced it, and for any other attempt. */
  readonly replayTraceparent: string | null;
  /** Calls the listener with the whole message once the outcome is known. Not a promise: each costs a traced app. */
  readonly onEnd: (listener: (ended: Readonly<AttemptMessage>) => unknown) => void;
}

/**
 * Numbers to observe.
 *
 * @publicApi
 */
export interface TelemetrySource {
  /** Worker whose occurrences have this `instance`. A process may have several. */
  readonly instance: string;
  /** Returns the numbers of this process. It asks no database. */
  now(): ProcessGauges;
  /**
   * Reads the numbers of the inbox, at most once in 10 seconds. Rejects if the database does not answer in a second.
   */
  inbox(): Promise<InboxGauges>;
  /** Returns the uses of `auth.secrets` on this instance. */
  secrets(): readonly SecretGauges[];
  /** Returns the numbers of the queues of this app, as of a second ago; none while their server does not answer. */
  queues(): readonly QueueGauges[];
}

/**
 * Numbers of one secret, without its value.
 *
 * @publicApi
 */
export interface SecretGauges {
  /** Its `id`, or its place in the list. */
  readonly id: string;
  /** POSTs that carried it. */
  readonly uses: number;
  /** Milliseconds until it expires; undefined without an end. */
  readonly timeLeft: number | undefined;
}

/**
 * Numbers of one queue, the same on every instance.
 *
 * @publicApi
 */
export interface QueueGauges {
  /** Name of the queue. */
  readonly queue: string;
  /** Jobs that wait for a worker. */
  readonly waiting: number;
  /** Jobs that a worker has. */
  readonly active: number;
  /** Jobs that are kept because their runs are dead. */
  readonly failed: number;
  /** Milliseconds that the oldest job has waited; 0 if none does. */
  readonly oldest: number;
}

/**
 * Numbers of one process.
 *
 * @publicApi
 */
export interface ProcessGauges {
  /** POSTs that wait until they are durable. */
  readonly waiting: number;
  /** Most of them that may wait. */
  readonly maxWaiting: number;
  /** Deliveries from their claim until their outcome is durable. */
  readonly active: number;
  /** Deliveries that are processed at the same time; 0 on an instance that only receives. */
  readonly concurrency: number;
  /** Milliseconds by which the clock of the database is ahead of the one of this machine. */
  readonly clockOffset: number;
  /** False if an acknowledged delivery could be lost in a crash. */
  readonly isDurable: boolean;
  /** False while the server of the queues does not answer; undefined without queues. */
  readonly areQueuesReadable: boolean | undefined;
}
