import type { ActionSource } from '../instrumentation/action.names.js';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import type { DeliverySelection } from '../inbox/selection.checks.js';
import type { ActionOptions } from './action.options.js';
import type { DeliverySummary } from './delivery.view.js';

/**
 * What a bulk operation does with each delivery.
 *
 * @publicApi
 */
export type BulkAction = 'replay' | 'discard';

/**
 * State of a bulk operation.
 *
 * - `running`: an instance that processes deliveries carries it out, or the next one that starts will.
 * - `paused`: it goes on when it is resumed.
 * - `completed`: every delivery of its set was tried.
 * - `cancelled`: it was ended before.
 *
 * @publicApi
 */
export type BulkState = 'running' | 'paused' | 'completed' | 'cancelled';

/**
 * Selection of bulk operations, of `replayAll` and of `discardAll`. The state must be named, so that nothing means all by
 * accident.
 *
 * @publicApi
 */
export interface BulkSelection extends DeliverySelection {
  /** Only deliveries in this state. `completed` needs named handlers. */
  state: Exclude<DeliveryState, 'processing' | 'erased'>;
}

/**
 * Deliveries, and what is to be done with them.
 *
 * @publicApi
 */
export interface BulkRequest {
  /** What is to be done with each delivery. */
  action: BulkAction;
  /**
   * Deliveries. The state must be named, so that nothing means all by accident. `pending` and `completed` need
   * `receivedBetween`, because all deliveries of that time are looked at.
   */
  selection: BulkSelection;
  /** Handlers that a replay runs even if they have completed. @default those that have not completed */
  handlers?: readonly string[];
}

/**
 * What a bulk operation would do. Nothing is changed by it.
 *
 * @publicApi
 */
export interface BulkPreview {
  /**
   * Time of the preview, in epoch milliseconds of the database's clock. What comes to its state later is left alone,
   * except `pending`: what is in work now may wait again when it is met.
   */
  readonly asOf: number;
  /** Number of deliveries: exact, unless `isCapped`. */
  readonly count: number;
  /** True if there are more than 100 000. Only a narrower selection can be started then. */
  readonly isCapped: boolean;
  /** Numbers by handler and by the reason of the death, the most frequent first: 100 at most. */
  readonly groups: readonly BulkGroup[];
  /** Time when the first of them was received; null without one. */
  readonly oldestReceivedAt: number | null;
  /** Time when the last of them was received; null without one. */
  readonly newestReceivedAt: number | null;
  /** Some of them, the oldest first: five at most. */
  readonly examples: readonly DeliverySummary[];
}

/**
 * Deliveries of a preview that a handler has failed, or that are in their state for another reason.
 *
 * @publicApi
 */
export interface BulkGroup {
  /** Handler that has not completed; null for deliveries without one. A delivery may count for several. */
  readonly handler: string | null;
  /** Reason why they are dead; null in other states. */
  readonly reason: string | null;
  /** Number of deliveries. */
  readonly count: number;
  /** True if the handler runs in the transaction that completes it; null if no live instance has it. */
  readonly isTransactional: boolean | null;
}

/**
 * Start of a bulk operation.
 *
 * @publicApi
 */
export interface BulkStart extends BulkRequest, ActionOptions {
  /** `asOf` of the preview. */
  asOf: number;
  /** `count` of the preview. If the number is another one by now, nothing begins. */
  expected: number;
  /** Most deliveries in a second: from 0.1 to 1000. @default 20 */
  rate?: number;
  /**
   * Share of the replayed deliveries, from 0 to 1, at which it pauses by itself when more are dead again. It is looked
   * at from 20 replayed deliveries on. 1 never pauses. @default 0.2
   */
  pauseAt?: number;
}

/**
 * A bulk replay or discard. Instances that process deliveries carry it out, one at a time. It survives the end of each.
 * All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface BulkOperation {
  /** UUIDv7. */
  readonly id: string;
  /** What is done with each delivery. */
  readonly action: BulkAction;
  /** State of the operation. */
  readonly state: BulkState;
  /** Why it is paused: by an operator, or because too many are dead again. Null unless `paused`. */
  readonly pausedBy: 'operator' | 'dead-again' | null;
  /** Conditions on its deliveries. Moments are epoch milliseconds. */
  readonly selection: StoredSelection;
  /** Handlers that a replay names; null if it names none. */
  readonly handlers: readonly string[] | null;
  /** Time of the preview. What came to its state later is left alone, except `pending`. */
  readonly asOf: number;
  /** Number of deliveries that were counted at the start. */
  readonly expected: number;
  /** Number of deliveries that were replayed or discarded. Of `pending` ones, it may be more than `expected`. */
  readonly done: number;
  /** Number of deliveries that were left as they are: locked, or decided on by somebody else meanwhile. */
  readonly skipped: number;
  /** Number of replayed deliveries that are dead again, to some seconds; 0 for a discard. */
  readonly deadAgain: number;
  /** Most deliveries in a second. */
  readonly rate: number;
  /** Share of replayed deliveries that may be dead again. */
  readonly pauseAt: number;
  /** Name of the operator who started it; null if none was given. */
  readonly operator: string | null;
  /** Way in which it was started. */
  readonly source: ActionSource;
  /** Reason that was given. */
  readonly reason: string | null;
  /** Id of the instance that carries it out now; null if none does. */
  readonly instance: string | null;
  /** Time of the start. */
  readonly startedAt: number;
  /** Time of the last change. */
  readonly updatedAt: number;
  /** Time of the end; null before. */
  readonly endedAt: number | null;
}

/**
 * Selection of a bulk operation as it is kept.
 *
 * @publicApi
 */
export type StoredSelection = Omit<DeliverySelection, 'receivedBetween'> & {
  /** State that they were in. */
  readonly state: BulkSelection['state'];
  /** Earliest and latest receipt, in epoch milliseconds. */
  readonly receivedBetween?: readonly [number, number];
};

/**
 * Conditions on the bulk operations of a list.
 *
 * @publicApi
 */
export interface BulkFilter {
  /** Only in this state. @default every state */
  state?: BulkState;
  /** Id of an operation: only those started before it. Pass the last id of a page for the next one. */
  before?: string;
  /** Most operations to return, up to 200. @default 50 */
  limit?: number;
}

/**
 * Result of `pause`, `resume` and `cancel`: the operation as it is now, and whether the call changed it.
 *
 * @publicApi
 */
export interface BulkChange {
  /** False if it was in another state, or its end was reached. */
  readonly isChanged: boolean;
  /** The operation as it is now. */
  readonly operation: BulkOperation;
}

/**
 * Options of `resume`.
 *
 * @publicApi
 */
export interface BulkResume extends ActionOptions {
  /** Most deliveries in a second from now on. @default as before */
  rate?: number;
  /** Share of dead again from now on. Those before the resumption do not count. @default as before */
  pauseAt?: number;
}
