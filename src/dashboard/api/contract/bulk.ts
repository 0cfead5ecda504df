import type { BulkGroup } from '../../../operations/bulk.view.js';
import type { DeathReason, DeliveryState } from '../../../inbox/delivery-state.entity.js';
import type { VerificationStatus } from '../../../contract/verification-status.js';
import type { DeliveryRow } from './deliveries.js';

/**
 * Deliveries of a bulk replay or discard. `pending` and `completed` need `from` and `to`.
 *
 * @publicApi
 */
export interface BulkConditions {
  /** State that they are in. It must be named, so that nothing means all by accident. */
  state: Exclude<DeliveryState, 'processing' | 'erased'>;
  /** Only with this status. */
  status?: VerificationStatus;
  /** Only with this `platformId`. */
  platformId?: number;
  /** Only dead for this reason. */
  reason?: DeathReason;
  /** Only of this tenant. An operator of one tenant need not name it; one of several must. */
  tenant?: string;
  /** Only those that this handler has not completed. */
  handler?: string;
  /** Only those with this text in the last error of such a handler. */
  error?: string;
  /** Received at this time or later. With `to`. */
  from?: number;
  /** Received before this time. With `from`. */
  to?: number;
}

/**
 * Body of `POST api/bulk/preview`.
 *
 * @publicApi
 */
export interface BulkPreviewRequest {
  /** What is to be done with each. */
  action: 'replay' | 'discard';
  /** Which deliveries. */
  conditions: BulkConditions;
  /** Handlers that a replay runs even if they have completed. */
  handlers?: string[];
}

/**
 * Answer of `POST api/bulk/preview`.
 *
 * @publicApi
 */
export interface BulkPreviewAnswer {
  /** Time of the answer. */
  now: number;
  /** Stands for the previewed set in `POST api/bulk`. */
  token: string;
  /** Time until which the token is good. */
  expiresAt: number;
  /** What comes to its state after this time is not touched, except `pending`. */
  asOf: number;
  /** Number of deliveries. */
  count: number;
  /** True if there are more, which cannot be started: narrow the conditions. */
  isCapped: boolean;
  /** Numbers by handler and reason, the most frequent first. */
  groups: readonly BulkGroup[];
  /** Time when the first of them was received; null without one. */
  oldestReceivedAt: number | null;
  /** Time when the last of them was received; null without one. */
  newestReceivedAt: number | null;
  /** Up to five of them, the oldest first. */
  examples: DeliveryRow[];
}

/**
 * Body of `POST api/bulk`.
 *
 * @publicApi
 */
export interface BulkStartRequest {
  /** Token of the preview. */
  token: string;
  /** The previewed count, as the operator has confirmed it. */
  expected: number;
  /** Deliveries a second. @default the option `bulk.rate` */
  rate?: number;
  /** Reason, for the record. */
  reason?: string;
}

/**
 * Bulk replay or discard.
 *
 * @publicApi
 */
export interface BulkView {
  /** UUIDv7. */
  id: string;
  /** What is done with each delivery. */
  action: 'replay' | 'discard';
  /** State of the operation. */
  state: 'running' | 'paused' | 'completed' | 'cancelled';
  /** Why it is paused: by an operator, or because too many are dead again. */
  pausedBy: 'operator' | 'dead-again' | null;
  /** Which deliveries. */
  conditions: BulkConditions;
  /** Handlers that a replay names; null if it names none. */
  handlers: readonly string[] | null;
  /** Time of the preview. */
  asOf: number;
  /** Number of deliveries that were counted at the start. */
  expected: number;
  /** Number that were replayed or discarded. Of `pending` ones, it may be more than `expected`. */
  done: number;
  /** Number that were left as they are: locked, or decided on by somebody else. */
  skipped: number;
  /** Replayed deliveries that are dead again. */
  deadAgain: number;
  /** Most deliveries in a second. */
  rate: number;
  /** Share of replayed deliveries that may be dead again. */
  pauseAt: number;
  /** Operator who started it. */
  operator: string | null;
  /** Reason that was given. */
  reason: string | null;
  /** Instance that carries it out now; null if none does. */
  instance: string | null;
  /** Time of the start. */
  startedAt: number;
  /** Time of the last change. */
  updatedAt: number;
  /** Time of the end; null before. */
  endedAt: number | null;
}

/**
 * Answer of `POST api/bulk`, `GET api/bulk/:id`, and of `pause`, `resume` and `cancel`.
 *
 * @publicApi
 */
export interface BulkAnswer {
  /** Time of the answer. */
  now: number;
  /** The operation as it is now. */
  bulk: BulkView;
}

/**
 * Answer of `GET api/bulk`, newest first.
 *
 * @publicApi
 */
export interface BulkListing {
  /** Time of the answer. */
  now: number;
  /** Up to 50 operations. */
  items: BulkView[];
}
