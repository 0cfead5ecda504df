import type { BulkConditions, ErrorListing } from '../../api/contract.js';
import type { Filters, Route } from '../app/router.js';
import { serverTime } from '../time/server-time.js';

export type ErrorGroup = ErrorListing['groups'][number];

/** What is to be done with many deliveries. */
export interface Wish {
  readonly action: 'replay' | 'discard';
  readonly conditions: BulkConditions;
  /** Number of the group that it came from. */
  readonly counted?: number;
}

const STATES: Readonly<Record<Wish['action'], readonly string[]>> = {
  replay: ['pending', 'dead', 'unhandled', 'discarded'],
  discard: ['pending', 'dead', 'unhandled'],
};
const KNOWN = new Set(['state', 'status', 'platform', 'reason', 'tenant', 'handler', 'error', 'from', 'to']);
/** They change what is shown, not what matches. */
const OTHERS = new Set(['preview', 'sort']);

/** Tells whether a bulk operation can select what a list shows. Of those that wait it needs a time. */
export function canSelect(action: Wish['action'], filters: URLSearchParams): boolean {
  const state = filters.get('state') ?? '';
  return STATES[action].includes(state) && (state !== 'pending' || filters.has('from') || filters.has('to'));
}

/**
 * Returns the wish of an address such as `#/dead?state=dead&error=…&preview=replay`, as the list of deliveries links to
 * it; null without one, and with a filter that would be ignored.
 */
export function wishOf({ filters }: Route): Wish | null {
  const action = filters.get('preview');
  if (action !== 'replay' && action !== 'discard') return null;
  if ([...filters.keys()].some((name) => !KNOWN.has(name) && !OTHERS.has(name))) return null;
  const { from, to, platform, state = 'dead', ...others } = Object.fromEntries(filters);
  const named = Object.entries(others).filter(([name, value]) => KNOWN.has(name) && value !== '');
  return {
    action,
    conditions: {
      state,
      ...Object.fromEntries(named),
      ...(platform && { platformId: Number(platform) }),
      // Both ends of a time have to be named.
      ...((from || to) && { from: Number(from ?? 0), to: Number(to ?? Math.round(serverTime())) }),
    } as BulkConditions,
  };
}

/** Returns the conditions that are closest to a group. */
export function conditionsOf(
  { handler, search, reason }: ErrorGroup,
  state: 'dead' | 'pending',
  tenant: string | null,
): Filters & BulkConditions {
  return {
    state,
    ...(tenant && { tenant }),
    ...(handler && { handler }),
    ...(search && { error: search }),
    ...(reason && { reason: reason as BulkConditions['reason'] }),
  };
}

/** Tells whether the conditions of a group are of it: without a text, its handler or reason may have other groups too. */
export function isSelectable(group: ErrorGroup, { groups, isPartial }: ErrorListing): boolean {
  if (group.search !== null) return true;
  if (group.handler === null && group.reason !== null && group.reason !== 'handler') return true;
  const alike = groups.filter(({ handler, reason }) => handler === group.handler && reason === group.reason);
  return alike.length === 1 && group.handler !== null && !isPartial;
}
