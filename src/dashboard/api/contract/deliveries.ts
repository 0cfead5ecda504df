import type { ContentsState } from '../../../operations/contents.view.js';
import type { DeliveryReason, Link } from './common.js';
import type { DeliveryState } from '../../../inbox/delivery-state.entity.js';
import type { RejectionReason, RejectionState } from '../../../inbox/rejection.entity.js';
import type { HandlerRunState } from '../../../inbox/handler-run.entity.js';
import type { VerificationStatus } from '../../../contract/verification-status.js';
import type { TimelineEntry } from './timeline.js';
import type { MaskedValue } from './masked.js';

/**
 * Query of `GET api/deliveries`. All conditions must hold.
 *
 * @publicApi
 */
export interface DeliveryQuery {
  /** Only in this state. */
  state?: DeliveryState;
  /** Only with this status. */
  status?: VerificationStatus;
  /** Id of a handler that has not completed. Only with `state` `dead` or `pending`. */
  handler?: string;
  /** Text in the last error of such a handler, up to 100 characters; case does not matter. Only with such a state. */
  error?: string;
  /** Only of this platform. */
  platform?: number;
  /** Only of this tenant; empty for those without one. */
  tenant?: string;
  /** Received at this time or later. */
  from?: number;
  /** Received before this time. */
  to?: number;
  /** `received`: newest first. `due`: next attempt first, only with `state` `pending`. @default 'received' */
  sort?: 'received' | 'due';
  /** `next` of the page before, with the same conditions. */
  cursor?: string;
  /** Most rows. @default the option `limits.page` */
  limit?: number;
}

/**
 * Row of a list of deliveries.
 *
 * @publicApi
 */
export interface DeliveryRow {
  /** UUIDv7. */
  id: string;
  /** Null if it is erased, or if `maskReferences` hides it. */
  sessionId: string | null;
  /** Empty without tenants. */
  tenant: string;
  /** Null if it is erased. */
  status: VerificationStatus | null;
  /** Null if it is erased. */
  platformId: number | null;
  /** Reference of the partner; null without one, in a sealed inbox, and if `maskReferences` hides it. */
  reference: string | null;
  /** State of the processing. */
  state: DeliveryState;
  /** Reason for the state; null without one. */
  reason: DeliveryReason | null;
  /** Tells whether its body can be read. */
  contents: ContentsState;
  /** Number of times that a worker has dispatched it. */
  dispatches: number;
  /** Number of times in a row that its lease expired. */
  rescues: number;
  /** Number of times that an operator has replayed it. */
  replays: number;
  /** Number of times that the same content was received again. */
  duplicates: number;
  /** Time of the last of these; null without one. */
  lastDuplicateAt: number | null;
  /** Time when it was recorded. */
  receivedAt: number;
  /** Time when it came to its state; null while `pending` or `processing`. */
  finishedAt: number | null;
  /** Time when it is due; null unless `pending`. */
  nextAttemptAt: number | null;
  /** Worker that is processing it; null without one. */
  lease: LeaseView | null;
  /** The newest failure of a handler that has not completed; null without one. Its error is null if it is sealed. */
  failure: FailureView | null;
}

/**
 * State of one handler for one delivery.
 *
 * @publicApi
 */
export interface RunRow {
  /** Id of the handler. */
  handler: string;
  /** `waiting`: it has not run yet. */
  state: HandlerRunState | 'waiting';
  /** Number of attempts used up. */
  attempts: number;
  /** Time when it runs again; null unless `pending`. */
  nextAttemptAt: number | null;
  /** Last error, without values of the payload; null without one. */
  lastError: string | null;
  /** Time when its state was written; null if it has not run. */
  updatedAt: number | null;
  /** False if no live instance has a handler with this id for the status. */
  isSubscribed: boolean;
  /** Tells whether it writes in the transaction of its completion; null if it is not subscribed here. */
  isTransactional: boolean | null;
}

/**
 * Worker that is processing a delivery.
 *
 * @publicApi
 */
export interface LeaseView {
  /** Id of the instance. */
  instance: string;
  /** Time after which another instance may rescue the delivery. */
  expiresAt: number;
}

/**
 * Failure of a handler.
 *
 * @publicApi
 */
export interface FailureView {
  /** Id of the handler. */
  handler: string;
  /** Number of attempts used up. */
  attempt: number;
  /** The error, without values of the payload; null if it is sealed. */
  error: string | null;
  /** Time of the failure. */
  at: number;
}

/**
 * Rejection of the session of a delivery.
 *
 * @publicApi
 */
export interface SessionRejection {
  /** Id of the rejection. */
  id: string;
  /** Why it became no delivery. */
  reason: RejectionReason;
  /** State of the decision. */
  state: RejectionState;
  /** Time of its first receipt. */
  firstReceivedAt: number;
}

/**
 * Answer of `GET api/deliveries/:id`.
 *
 * @publicApi
 */
export interface DeliveryDetail {
  /** Time of the answer. */
  now: number;
  /** The delivery, as lists have it. */
  row: DeliveryRow;
  /** Every handler that has run or is subscribed to its status. */
  runs: RunRow[];
  /** The body without its values; null unless `contents` is `readable`. */
  payload: MaskedValue | null;
  /** What happened, oldest first. */
  timeline: TimelineEntry[];
  /** Rejections of the same session, newest first, up to 20. */
  rejections: SessionRejection[];
  /** Links of the host for it. */
  links: Link[];
}

/**
 * Body of `POST api/deliveries/:id/replay`.
 *
 * @publicApi
 */
export interface ReplayRequest {
  /** Handlers that run even if they have completed. */
  handlers?: string[];
  /** Reason, for the record: up to 500 characters. */
  reason?: string;
}

/**
 * Body of `POST api/deliveries/:id/discard`, and of the decisions on rejections.
 *
 * @publicApi
 */
export interface ReasonRequest {
  /** Reason, for the record: up to 500 characters. */
  reason?: string;
}

/**
 * Body of the `reveal` routes.
 *
 * @publicApi
 */
export interface RevealRequest {
  /** 5 to 300 characters, recorded before the contents are shown. */
  reason: string;
}

/**
 * Answer of `replay` and `discard`; 409 is a `ConflictAnswer<DeliveryRow>`.
 *
 * @publicApi
 */
export interface DeliveryAnswer {
  /** Time of the answer. */
  now: number;
  /** The delivery as it is now. */
  row: DeliveryRow;
}

/**
 * Answer of the `reveal` routes.
 *
 * @publicApi
 */
export interface RevealAnswer {
  /** Time of the answer. */
  now: number;
  /** The stored text, byte for byte. */
  payload: string;
  /** Of a conflict, the stored text of the delivery that stands; null otherwise. */
  standing: string | null;
  /** Time when the page hides it. */
  hideAt: number;
}

/**
 * Body of `POST api/find`.
 *
 * @publicApi
 */
export interface FindRequest {
  /** Id, session or reference, exactly. */
  value: string;
  /** Only of this tenant. */
  tenant?: string;
}
