import type { VerificationStatus } from '../contract/verification-status.js';
import { workerOf } from '../inbox/claimed-delivery.js';
import type { DeathReason, DeliveryState } from '../inbox/delivery-state.entity.js';
import type { DeliveryRecord } from '../inbox/delivery-record.queries.js';
import type { HandlerRun, HandlerRunState } from '../inbox/handler-run.entity.js';
import type { ContentsState } from './contents.view.js';
import { parseRawBody } from '../contract/raw-body.js';
import { pick } from './pick.js';

/**
 * A delivery without its raw body, as lists return it. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface DeliverySummary {
  /** UUIDv7, so that ids sort by the time of receipt. */
  readonly id: string;
  /** Tenant of the delivery; empty without tenants, and once the tenant is erased. */
  readonly tenant: string;
  /** The verification session. There is one delivery for each session and tenant. Null once it is `erased`. */
  readonly sessionId: string | null;
  /** The terminal status that the provider sent; null once it is `erased`. */
  readonly status: VerificationStatus | null;
  /** The platform that the session verified against; null once it is `erased`. */
  readonly platformId: number | null;
  /**
   * The partner's own reference, given when the session was created; null without one. In a sealed inbox it is sealed
   * with the body, so lists have null.
   */
  readonly externalReferenceId: string | null;
  /** State of the processing. A delivery changes by itself only while `pending` or `processing`. */
  readonly state: DeliveryState;
  /** Reason why it is `dead`; `shredded` if it is `erased` because its key was destroyed; else null. */
  readonly reason: DeathReason | 'shredded' | null;
  /** Tells whether its body can be read. A list does not open bodies, and so does not find a `broken` one. */
  readonly contents: ContentsState;
  /** Number of times that a worker has dispatched it. */
  readonly dispatches: number;
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
  /** Time when the same content was last received again, to the second; null if it never was. */
  readonly lastDuplicateAt: number | null;
  /** Time when it was recorded. */
  readonly receivedAt: number;
  /** Time when it reached its state; null while `pending` or `processing`. */
  readonly finishedAt: number | null;
  /** Time when its contents were removed or erased; null while it has them. */
  readonly purgedAt: number | null;
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
   * Name and message of the last error, in one line of limited length, without values of the payload; null without one,
   * and if it is sealed and does not open.
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
   * data. Null unless `contents` is `readable`.
   */
  readonly rawBody: string | null;
  /**
   * States of the handlers. A handler without a run has not completed, unless the delivery is `completed`: then it has.
   */
  readonly runs: HandlerRunDetails[];
}

const summaryFields = [
  'id',
  'tenant',
  'sessionId',
  'status',
  'platformId',
  'externalReferenceId',
  'state',
  'reason',
  'dispatches',
  'rescues',
  'replays',
  'nextAttemptAt',
  'leaseExpiresAt',
  'duplicates',
  'lastDuplicateAt',
  'receivedAt',
  'finishedAt',
  'purgedAt',
] as const satisfies readonly (keyof DeliveryRecord & keyof DeliverySummary)[];

export function toSummary(record: DeliveryRecord, contents: ContentsState): DeliverySummary {
  const facts = record.state === 'erased' ? NO_FACTS : {};
  return { ...pick(record, summaryFields), ...facts, contents, leaseOwner: record.claimId && workerOf(record.claimId) };
}

/** What a tombstone does not have. */
const NO_FACTS = { sessionId: null, status: null, platformId: null } as const;

/** Fields that `console.log` prints. */
export const printedOfDelivery = ['id', 'sessionId', 'state', 'contents'] as const satisfies (keyof DeliverySummary)[];

/** Columns of a handler run that are public. */
export const runFields = [
  'handler',
  'state',
  'attempts',
  'nextAttemptAt',
  'lastError',
  'updatedAt',
] as const satisfies readonly (keyof HandlerRun & keyof HandlerRunDetails)[];

/** Returns the reference in a raw body; null without one. */
export function referenceIn(rawBody: string | null): string | null {
  if (rawBody === null) return null;
  const { externalReferenceId } = parseRawBody(rawBody) as { externalReferenceId?: string | null };
  return externalReferenceId ?? null;
}
