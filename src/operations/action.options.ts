import type { ActionName, ActionSource } from '../instrumentation/action.names.js';
import type { Actor } from '../inbox/action.repository.js';
import type { InternalOccurrences } from '../instrumentation/internal.occurrences.js';
import { fields, oneOf, textUpTo } from '../option.checks.js';

const MAX_NAME_LENGTH = 255;
export const MAX_REASON_LENGTH = 500;
/** Characters of the reason for which contents are revealed, on the page and in the command line. */
export const REVEAL_REASON_LENGTHS = { from: 5, to: 300 } as const;

/**
 * Who acts on the inbox, for the record of actions.
 *
 * @publicApi
 */
export interface ActionOptions {
  /** Name of the operator: up to 255 characters. @default none is recorded */
  by?: string;
  /** Why, for the record: up to 500 characters, without names of persons. */
  reason?: string;
  /** Way in which the operator acts. @default 'code' */
  source?: ActionSource;
}

/**
 * Options of `replay`.
 *
 * @publicApi
 */
export interface ReplayOptions extends ActionOptions {
  /** Handlers that run even if they have completed. @default those that have not completed */
  handlers?: readonly string[];
}

export const actionFields = {
  by: textUpTo(MAX_NAME_LENGTH),
  reason: textUpTo(MAX_REASON_LENGTH),
  source: oneOf('code', 'cli', 'page'),
};

/** Throws `OPTIONS_INVALID` for a wrong option of an action. */
export const checkActionOptions = fields(actionFields);

/** Returns what is announced of an act on one target. */
export function actOf(
  { name, source, reason }: Actor,
  action: ActionName,
  targetId: string,
  handlers?: readonly string[],
): InternalOccurrences['acted'] {
  return { action, operator: name, source, targetId, count: 1, handlers: handlers ?? null, reason };
}

/** Returns the operator that options name. */
export function actorOf({ by, reason, source = 'code' }: ActionOptions): Actor {
  return { name: by ?? null, source, reason: reason ?? null };
}
