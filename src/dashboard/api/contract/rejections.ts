import type { ContentsState } from '../../../operations/contents.view.js';
import type { Link } from './common.js';
import type { RejectionReason, RejectionState } from '../../../inbox/rejection.entity.js';
import type { DeliveryRow } from './deliveries.js';
import type { Change, MaskedValue } from './masked.js';

/**
 * Query of `GET api/rejections`.
 *
 * @publicApi
 */
export interface RejectionQuery {
  /** @default 'open' */
  state?: RejectionState;
  /** Only for this reason. */
  reason?: RejectionReason;
  /** Only of this tenant; empty for those without one. */
  tenant?: string;
  /** First received at this time or later. */
  from?: number;
  /** First received before this time. */
  to?: number;
  /** `next` of the page before, with the same conditions. */
  cursor?: string;
  /** Most rows. @default the option `limits.page` */
  limit?: number;
}

/**
 * Row of a list of rejections.
 *
 * @publicApi
 */
export interface RejectionRow {
  /** UUIDv7. */
  id: string;
  /** Reason why it became no delivery. */
  reason: RejectionReason;
  /** State of the decision. */
  state: RejectionState;
  /** Empty without tenants. */
  tenant: string;
  /** Null if the body has no valid one, or if `maskReferences` hides it. */
  sessionId: string | null;
  /** Constraints by field, or the conflict, without values; null if it is sealed and does not open. */
  detail: string | null;
  /** Number of times that the same POST was received again. */
  repeats: number;
  /** Time of the first. */
  firstReceivedAt: number;
  /** Time of the last. */
  lastReceivedAt: number;
}

/**
 * Answer of `GET api/rejections/:id`.
 *
 * @publicApi
 */
export interface RejectionDetail {
  /** Time of the answer. */
  now: number;
  /** The rejection, as lists have it. */
  row: RejectionRow;
  /** Tells whether its body can be read. */
  contents: ContentsState;
  /** Constraints that the body breaks, one each. */
  constraints: string[];
  /** The body without its values; null unless `contents` is `readable`. */
  payload: MaskedValue | null;
  /** Of a conflict, the delivery that stands; null otherwise. */
  standing: DeliveryRow | null;
  /** Changes from the standing body to this one; null unless both can be read. */
  changes: Change[] | null;
  /** Links of the host for it. */
  links: Link[];
}

/**
 * Answer of `accept` and `discard`. 409 is a `ConflictAnswer<RejectionRow>`.
 *
 * @publicApi
 */
export interface RejectionAnswer {
  /** Time of the answer. */
  now: number;
  /** What was done. `duplicate`: the same content was a delivery already. */
  result: 'accepted' | 'duplicate' | 'discarded';
  /** The rejection as it is now. */
  row: RejectionRow;
}

/**
 * Answer of `POST api/find`: up to 20 of each. In a sealed inbox, references are not found of tenants whose keys cannot
 * be had. If nothing else is found, or the tenant is named, the answer is 503.
 *
 * @publicApi
 */
export interface FindAnswer {
  /** Time of the answer. */
  now: number;
  /** Deliveries, newest first. */
  deliveries: DeliveryRow[];
  /** Rejections, newest first. */
  rejections: RejectionRow[];
}
