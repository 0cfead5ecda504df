import { stateCheck, type DeliverySelection } from '../inbox/selection.checks.js';
import {
  DISCARDABLE_STATES,
  REPLAYABLE_BY_NAME_STATES,
  REPLAYABLE_STATES,
} from '../inbox/delivery-state.repository.js';
import { hasIndex } from '../inbox/state-index.queries.js';
import {
  anything,
  atLeast,
  fields,
  invalid,
  listOf,
  MAX_MOMENT_MS,
  oneOf,
  share,
  text,
  textUpTo,
  whole,
  type Check,
} from '../option.checks.js';
import { checkRecordId } from '../retention/erasure.options.js';
import { actionFields } from './action.options.js';
import type { BulkRequest } from './bulk.view.js';

const MAX_ERROR_LENGTH = 500;
const MAX_RATE = 1_000;
/** Deliveries that are counted. More cannot be started at once. */
export const MAX_COUNTED = 100_000;

/** Deliveries in a second. */
export const bulkRate: Check = (value, name) => {
  atLeast(0.1)(value, name);
  if ((value as number) > MAX_RATE) throw invalid(`Option "${name}" must be ${MAX_RATE} or less.`);
};

const request = { action: oneOf('replay', 'discard'), selection: anything, handlers: listOf(text) };
const pace = { rate: bulkRate, pauseAt: share };

/** A count stops above the most, and would be that of any larger set. */
const expected = whole(0, MAX_COUNTED);

const checkRequestFields = fields(request);
const checkStartFields = fields({ ...request, ...actionFields, ...pace, asOf: whole(0, MAX_MOMENT_MS), expected });
/** Throws `OPTIONS_INVALID` for a wrong option of `resume`. */
export const checkResume = fields({ ...actionFields, ...pace });
/** Throws `OPTIONS_INVALID` for a wrong filter of bulk operations. */
export const checkBulkFilter = fields({
  state: oneOf('running', 'paused', 'completed', 'cancelled'),
  before: checkRecordId,
  limit: whole(1, 200),
});

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
export function checkRequest(given: BulkRequest): void {
  checkRequestFields(given, '');
  checkBulkSelection(given);
}

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
export function checkStart(given: BulkRequest): void {
  checkStartFields(given, '');
  for (const name of ['asOf', 'expected'])
    if (!(name in given)) throw invalid(`Option "${name}" is missing. Pass that of the preview.`);
  checkBulkSelection(given);
}

function checkBulkSelection({ action, selection, handlers }: BulkRequest): void {
  oneOf('replay', 'discard')(action, 'action');
  if (handlers !== undefined && action === 'discard')
    throw invalid('Option "handlers" is for a replay. A discard is of whole deliveries.');
  const { state, receivedBetween, error } = (selection ?? {}) as Partial<DeliverySelection>;
  stateCheck(state, 'selection.state');
  oneOf(...statesOf(action, handlers))(state, 'selection.state');
  if (error !== undefined) textUpTo(MAX_ERROR_LENGTH)(error, 'selection.error');
  if (state && !hasIndex(state) && receivedBetween === undefined)
    throw invalid(
      `Option "selection.receivedBetween" is missing: all deliveries of a time are looked at for those in the state "${state}".`,
    );
}

function statesOf(action: BulkRequest['action'], handlers: readonly string[] | undefined): readonly string[] {
  if (action === 'discard') return DISCARDABLE_STATES;
  return handlers ? REPLAYABLE_BY_NAME_STATES : REPLAYABLE_STATES;
}
