import type { OpenedText } from '../inbox/payload.codec.js';
import { contentsOf, textOf, type Contents } from './contents.view.js';
import { pick } from './pick.js';
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
   * with. Null if it is sealed and does not open.
   */
  readonly detail: string | null;
  /** Tells whether the detail and the raw body can be read. In a list, the detail alone was opened. */
  readonly contents: Contents;
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
   * data. Null unless `contents` is `readable`.
   */
  readonly rawBody: string | null;
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

export function toSummary(
  rejection: Pick<Rejection, (typeof summaryFields)[number]>,
  detail: OpenedText,
  rawBody: OpenedText = detail,
): RejectionSummary {
  return { ...pick(rejection, summaryFields), detail: textOf(detail), contents: contentsOf(rawBody) };
}
