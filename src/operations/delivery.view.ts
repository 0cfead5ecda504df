import type { VerificationStatus } from '../contract/verification-status.js';
import type { Delivery, DeliveryState } from '../inbox/delivery.entity.js';
import type { HandlerRun, HandlerRunState } from '../inbox/handler-run.entity.js';

/**
 * A delivery as lists show it: everything but the payload. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface DeliverySummary {
  /** UUIDv7: sorts by the time of the receipt. */
  readonly id: string;
  /** Empty without tenants. */
  readonly tenant: string;
  /** The verification session; one delivery for each session and tenant. */
  readonly sessionId: string;
  /** The terminal status that the provider sent. */
  readonly status: VerificationStatus;
  /** The platform that the session verified against. */
  readonly platformId: number;
  /** The partner's own reference, given when the session was created. */
  readonly externalReferenceId: string | null;
  readonly state: DeliveryState;
  /** Why it is dead: `handler` or `crash-loop`. */
  readonly reason: 'handler' | 'crash-loop' | null;
  /** How often a worker has begun to process it. */
  readonly attempts: number;
  /** How often in a row its lease expired and another worker rescued it. */
  readonly rescues: number;
  /** How often an operator has asked for it to be processed again. */
  readonly replays: number;
  /** When it is due; null unless pending. */
  readonly nextAttemptAt: number | null;
  /** The worker that is processing it; null unless processing. */
  readonly leaseOwner: string | null;
  /** When another worker may rescue it; null unless processing. */
  readonly leaseExpiresAt: number | null;
  /** How often the same content was sent again. */
  readonly duplicates: number;
  /** When the same content was last sent again. */
  readonly lastDuplicateAt: number | null;
  /** When it was recorded. */
  readonly receivedAt: number;
  /** When it came to its state; null while pending or processing. */
  readonly finishedAt: number | null;
}

/**
 * The state of one handler for one delivery.
 *
 * @publicApi
 */
export interface HandlerRunDetails {
  /** The handler's stable id. */
  readonly handler: string;
  readonly state: HandlerRunState;
  /** Attempts used up. */
  readonly attempts: number;
  /** When it runs again; null unless pending. */
  readonly nextAttemptAt: number | null;
  /** Name and message of the last error, in one line, capped, without values of the payload. */
  readonly lastError: string | null;
  /** When this was written. */
  readonly updatedAt: number;
}

/**
 * A delivery with its payload and its handlers.
 *
 * @publicApi
 */
export interface DeliveryDetails extends DeliverySummary {
  /** SHA-256 of tenant and session id, in hex; the `detail` of a conflict names it. */
  readonly idempotencyKey: string;
  /** The payload as it was sent where the host keeps the raw body, else serialised again. Personal data. */
  readonly rawBody: string;
  /** Handlers without a run have not completed, or all of them have: then the delivery is `completed`. */
  readonly runs: HandlerRunDetails[];
}

/** The columns that a list reads. */
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

/** The columns of a run that are shown. */
export const runFields = [
  'handler',
  'state',
  'attempts',
  'nextAttemptAt',
  'lastError',
  'updatedAt',
] as const satisfies readonly (keyof HandlerRun & keyof HandlerRunDetails)[];
