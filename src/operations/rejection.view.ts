import type { Rejection, RejectionReason, RejectionState } from '../inbox/rejection.entity.js';

/**
 * A rejection without its raw body, as lists return it. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface RejectionSummary {
  /** UUIDv7, so that ids sort by the time of the first receipt. */
  readonly id: string;
  /** Reason why it did not become a delivery. */
  readonly reason: RejectionReason;
  /**
   * Description of the problem without values of the payload: constraints by field, or the delivery that it conflicts
   * with.
   */
  readonly detail: string;
  /** Tenant of the sender; empty without tenants. */
  readonly tenant: string;
  /** The verification session; null when the payload has no valid one. */
  readonly sessionId: string | null;
  /** Number of times that the same content was received again. */
  readonly repeats: number;
  /** State of the operator's decision. */
  readonly state: RejectionState;
  /** Time when it was first received. */
  readonly firstReceivedAt: number;
  /** Time when it was last received. */
  readonly lastReceivedAt: number;
}

/**
 * A rejection with its raw body.
 *
 * @publicApi
 */
export interface RejectionDetails extends RejectionSummary {
  /**
   * The body as text. It is byte for byte as sent if the host keeps raw bodies, otherwise serialised again. Personal
   * data.
   */
  readonly rawBody: string;
}

/** Columns that a list reads. */
export const summaryFields = [
  'id',
  'reason',
  'detail',
  'tenant',
  'sessionId',
  'repeats',
  'state',
  'firstReceivedAt',
  'lastReceivedAt',
] as const satisfies readonly (keyof Rejection & keyof RejectionSummary)[];
