import type { VerificationStatus } from '../contract/verification-status.js';
import type { Delivery, DeliveryState } from '../inbox/delivery.entity.js';
import type { HandlerRun, HandlerRunState } from '../inbox/handler-run.entity.js';

/**
 * A delivery without its raw body, as lists return it. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface DeliverySummary {
  /** UUIDv7, so that ids sort by the time of receipt. */
  readonly id: string;
  /** Tenant of the delivery; empty without tenants. */
  readonly tenant: string;
  /** The verification session. There is one delivery for each session and tenant. */
  readonly sessionId: string;
  /** The terminal status that the provider sent. */
  readonly status: VerificationStatus;
  /** The platform that the session verified against. */
  readonly platformId: number;
  /** The partner's own reference, given when the session was created; null without one. */
  readonly externalReferenceId: string | null;
  /** State of the processing. A delivery changes by itself only while `pending` or `processing`. */
  readonly state: DeliveryState;
  /**
   * Reason why it is `dead`; null in every other state. `handler`: a handler failed for good. `crash-loop`: its worker
   * crashed three times in a row.
   */
  readonly reason: 'handler' | 'crash-loop' | null;
  /** Number of times that a worker has started to process it. */
  readonly attempts: number;
  /** Number of times in a row that its lease expired and another worker rescued it. */
  readonly rescues: number;
  /** Number of times that an operator has replayed it. */
  readonly replays: number;
  /** Time when it is due; null unless `pending`. */
  readonly nextAttemptAt: number | null;
  /** Id of the worker that is processing it; null unless `processing`. */
  readonly leaseOwner: string | null;
  /** Time when the lease expires, after which another worker may rescue it; null unless `processing`. */
  readonly leaseExpiresAt: number | null;
  /** Number of times that the same content was received again. */
  readonly duplicates: number;
  /** Time when the same content was last received again; null if it never was. */
  readonly lastDuplicateAt: number | null;
  /** Time when it was recorded. */
  readonly receivedAt: number;
  /** Time when it reached its state; null while `pending` or `processing`. */
  readonly finishedAt: number | null;
}

/**
 * The state of one handler for one delivery.
 *
 * @publicApi
 */
export interface HandlerRunDetails {
  /** Stable id of the handler. */
  readonly handler: string;
  /** State of the handler for this delivery. */
  readonly state: HandlerRunState;
  /** Number of attempts used up. Interruptions and `RetryAfterError` use up none. */
  readonly attempts: number;
  /** Time when it runs again; null unless `pending`. */
  readonly nextAttemptAt: number | null;
  /**
   * Name and message of the last error, in one line of limited length, without values of the payload; null without one.
   */
  readonly lastError: string | null;
  /** Time when this state was written. */
  readonly updatedAt: number;
}

/**
 * A delivery with its raw body and its handler runs.
 *
 * @publicApi
 */
export interface DeliveryDetails extends DeliverySummary {
  /** SHA-256 of tenant and session id, in hex. The `detail` of a conflict contains it. */
  readonly idempotencyKey: string;
  /**
   * The body as text. It is byte for byte as sent if the host keeps raw bodies, otherwise serialised again. Personal
   * data.
   */
  readonly rawBody: string;
  /**
   * States of the handlers. A handler without a run has not completed, unless the delivery is `completed`: then it has.
   */
  readonly runs: HandlerRunDetails[];
}

/** Columns that a list reads. */
export const summaryFields = [
  'id',
  'tenant',
  'sessionId',
  'status',
  'platformId',
  'externalReferenceId',
  'state',
  'reason',
  'attempts',
  'rescues',
  'replays',
  'nextAttemptAt',
  'leaseOwner',
  'leaseExpiresAt',
  'duplicates',
  'lastDuplicateAt',
  'receivedAt',
  'finishedAt',
] as const satisfies readonly (keyof Delivery & keyof DeliverySummary)[];

/** Columns of a handler run that are public. */
export const runFields = [
  'handler',
  'state',
  'attempts',
  'nextAttemptAt',
  'lastError',
  'updatedAt',
] as const satisfies readonly (keyof HandlerRun & keyof HandlerRunDetails)[];
