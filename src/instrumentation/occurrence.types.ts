/**
 * An error that may be written down: no value of a payload, no SQL parameter. `type` is the code of a database or of
 * this module where there is one, else the name of the error.
 *
 * @publicApi
 */
export interface OccurrenceError {
  /** Code or name. */
  readonly type: string;
  /** Text of one line. */
  readonly message: string;
}

/**
 * Way in which a delivery came to the worker that processes it. `handoff`: it was recorded by the same instance and
 * stayed in its memory. `claim`: it was claimed from the database. `rescue`: the lease of another worker had expired.
 * `queue`: a queue has given one run of it to this worker.
 *
 * @publicApi
 */
export type DeliverySource = 'handoff' | 'claim' | 'rescue' | 'queue';

/**
 * End of one attempt of a handler. `interrupted`: not by a fault of the handler. `dead`: it failed, and does not run
 * again by itself.
 *
 * @publicApi
 */
export type AttemptOutcome = 'completed' | 'failed' | 'interrupted' | 'dead';

/**
 * Purpose of a statement that failed.
 *
 * @publicApi
 */
export type DatabaseOperation = 'claim' | 'renew' | 'complete' | 'settle' | 'enqueue' | 'record-handlers';
