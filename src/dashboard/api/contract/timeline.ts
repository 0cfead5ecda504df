import type { ActionRow } from './actions.js';
import type { DeliveryReason } from './common.js';
import type { DeliveryState } from '../../../inbox/delivery-state.entity.js';
import type { RejectionReason, RejectionState } from '../../../inbox/rejection.entity.js';

/**
 * What happened to a delivery, oldest first. `order` settles entries of the same millisecond.
 *
 * @publicApi
 */
export type TimelineEntry = {
  /** Time of the entry. */
  at: number;
  /** Place in the order. */
  order: number;
} & Happening;

/**
 * What happened, by its `kind`.
 *
 * @publicApi
 */
export type Happening =
  | {
      /** It was recorded. */
      kind: 'received';
    }
  | {
      /** The same content came again; `at` is the last time. */
      kind: 'duplicates';
      /** How often. */
      count: number;
    }
  | {
      /** Other content of its session was refused. */
      kind: 'conflict';
      /** Id of the rejection. */
      rejection: string;
      /** Reason of the rejection. */
      reason: RejectionReason;
      /** State of the decision on it. */
      state: RejectionState;
      /** How often it came again. */
      repeats: number;
    }
  | {
      /** A handler ran, and it was kept. */
      kind: 'attempt';
      /** Id of the handler. */
      handler: string;
      /** Number of the attempt, from 1. */
      attempt: number;
      /** How it ended. */
      outcome: string;
      /** Milliseconds that it ran. */
      took: number;
      /** Last error, without values of the payload; null without one. */
      error: string | null;
      /** Id of the instance. */
      instance: string;
    }
  | {
      /** It came to its state. */
      kind: 'ended';
      /** The state. */
      state: DeliveryState;
      /** Reason for it; null without one. */
      reason: DeliveryReason | null;
    }
  | {
      /** An operator acted. */
      kind: 'action';
      /** What the operator did. */
      action: ActionRow;
    }
  | {
      /** It runs again. */
      kind: 'next';
      /** Handlers that run, each with its time. */
      handlers: HandlerTime[];
    };

/**
 * Time at which a handler runs.
 *
 * @publicApi
 */
export interface HandlerTime {
  /** Id of the handler. */
  handler: string;
  /** The time. */
  at: number;
}
