import type { OpenedText } from '../inbox/payload.codec.js';
import { printOnly } from '../instrumentation/print-only.js';
import { contentsOf, textOf, type ContentsState } from './contents.view.js';
import type { RejectionReason, RejectionState } from '../inbox/rejection.entity.js';
import type { RejectionRecord } from '../inbox/rejection.queries.js';

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
  readonly contents: ContentsState;
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

/** Fields that `console.log` prints. */
const PRINTED = ['id', 'sessionId', 'reason', 'state', 'contents'] as const satisfies (keyof RejectionSummary)[];

export function toSummary(record: RejectionRecord, detail: OpenedText): RejectionSummary {
  return printed({ ...record, detail: textOf(detail), contents: contentsOf(detail) });
}

export function toDetails(record: RejectionRecord, detail: OpenedText, rawBody: OpenedText): RejectionDetails {
  return printed({ ...record, detail: textOf(detail), contents: contentsOf(rawBody), rawBody: textOf(rawBody) });
}

function printed<R extends RejectionSummary>(view: R): R {
  return printOnly(view, PRINTED, 'Rejection');
}
