import { verificationStatuses, type VerificationStatus } from '../contract/verification-status.js';
import { fields, finite, instant, invalid, oneOf, text, whole, type Check } from '../option.checks.js';
import type { DeathReason, DeliveryState } from './delivery-state.entity.js';
import { isRecordId } from './record.id.js';
import type { RejectionReason, RejectionState } from './rejection.entity.js';

/** Most rows that a list returns. It holds all of them in memory. */
const MAX_LISTED = 1_000;

const STATES = {
  pending: true,
  processing: true,
  completed: true,
  dead: true,
  unhandled: true,
  discarded: true,
  erased: true,
} satisfies Record<DeliveryState, true>;
const REJECTION_STATES = { open: true, accepted: true, discarded: true } satisfies Record<RejectionState, true>;
/** Every reason of a death. */
export const DEATH_REASONS = { handler: true, 'crash-loop': true, unreadable: true } satisfies Record<
  DeathReason,
  true
>;
/** Every reason for which a rejection is kept. */
export const REJECTION_REASONS = {
  invalid: true,
  'unknown-status': true,
  'unexpected-data': true,
  conflict: true,
  stale: true,
  superseded: true,
} satisfies Record<RejectionReason, true>;

export const deliveryStates = Object.keys(STATES) as DeliveryState[];
export const rejectionStates = Object.keys(REJECTION_STATES) as RejectionState[];
export const rejectionReasons = Object.keys(REJECTION_REASONS) as RejectionReason[];

/**
 * Conditions on the deliveries that `each`, `replayAll` and `discardAll` go through. A delivery must meet all of them.
 *
 * @publicApi
 */
export interface DeliverySelection {
  /** Only deliveries in this state. @default every state */
  state?: DeliveryState;
  /** Only deliveries with this status. @default every status */
  status?: VerificationStatus;
  /** Only deliveries of this `platformId`. @default every platform */
  platformId?: number;
  /** Only deliveries of this tenant; `''` for those without one. @default every tenant */
  tenant?: string;
  /** Only deliveries that are dead for this reason. @default every reason */
  reason?: DeathReason;
  /** Only deliveries that this handler has not completed after it failed or was replayed. */
  handler?: string;
  /**
   * Only deliveries with a handler that has not completed, whose last error has this text. Case does not matter. It
   * cannot be asked for in a sealed inbox, where errors are sealed.
   */
  error?: string;
  /** Only deliveries received from the first moment on and before the second, as dates or epoch milliseconds. */
  receivedBetween?: readonly [from: Date | number, until: Date | number];
}

const deliveryId: Check = (value, name) => {
  if (!isRecordId(value))
    throw invalid(`Option "${name}" must be an id, such as that of the last row of the page before.`);
};

const anyText: Check = (value, name) => {
  if (value !== '') text(value, name);
};

/** Throws `OPTIONS_INVALID` unless the value is two moments in their order. */
export const period: Check = (value, name) => {
  const moments: readonly unknown[] = Array.isArray(value) ? value : [];
  if (moments.length !== 2) throw invalid(`Option "${name}" must be two moments: [from, until].`);
  for (const [index, moment] of moments.entries())
    if (typeof moment !== 'number' || !Number.isFinite(moment)) instant(moment, `${name}[${index}]`);
  if (Number(moments[0]) >= Number(moments[1]))
    throw invalid(`Option "${name}" ends before it begins. Write the earlier moment first.`);
};

const limit = whole(1, MAX_LISTED);
export const stateCheck = oneOf(...deliveryStates);

const selectionChecks = {
  state: stateCheck,
  status: oneOf(...verificationStatuses),
  platformId: finite,
  reason: oneOf(...Object.keys(DEATH_REASONS)),
  tenant: anyText,
  handler: text,
  error: text,
  receivedBetween: period,
};

/** Throws `OPTIONS_INVALID` for a condition that is unknown or ill-typed. Ignored, it would select too much. */
export const checkSelection = fields(selectionChecks);
/** Throws `OPTIONS_INVALID` for a wrong filter of deliveries. */
export const checkDeliveryFilter = fields({
  state: stateCheck,
  externalReferenceId: anyText,
  tenant: anyText,
  before: deliveryId,
  limit,
});
/** Throws `OPTIONS_INVALID` for a wrong filter of rejections. */
export const checkRejectionFilter = fields({
  state: oneOf(...rejectionStates),
  reason: oneOf(...rejectionReasons),
  before: deliveryId,
  limit,
});
