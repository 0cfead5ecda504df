import type { Rejection, RejectionReason, RejectionState } from '../inbox/rejection.entity.js';

/**
 * A rejection as lists show it: everything but the payload. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface RejectionSummary {
  /** UUIDv7: sorts by the time of the first receipt. */
  readonly id: string;
  /** Why it became no delivery. */
  readonly reason: RejectionReason;
  /** Names what was wrong without values of the payload: constraints by field, or the delivery it conflicts with. */
  readonly detail: string;
  /** Empty without tenants. */
  readonly tenant: string;
  /** Null when the payload has no usable one. */
  readonly sessionId: string | null;
  /** How often the same was sent again. */
  readonly repeats: number;
  readonly state: RejectionState;
  /** When it was first sent. */
  readonly firstReceivedAt: number;
  /** When it was last sent. */
  readonly lastReceivedAt: number;
}

/**
 * A rejection with its payload.
 *
 * @publicApi
 */
export interface RejectionDetails extends RejectionSummary {
  /** The payload as it was sent where the host keeps the raw body, else serialised again. Personal data. */
  readonly rawBody: string;
}

/** The columns that a list reads. */
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
