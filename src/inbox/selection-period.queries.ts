import { raw, sql, type Sql } from '../database/sql.js';
import { lowestIdAt, MAX_CLOCK_DIFFERENCE_MS } from './delivery.identity.js';
import type { DeliverySelection } from './selection.checks.js';

/** Part of the deliveries, in the order of their ids. */
export interface Range {
  readonly from?: string;
  readonly before?: string;
  /** Reads the oldest behind this id first. */
  readonly after?: string;
}

/** Returns the condition that a delivery was received in a period. */
export function isWithin(period: NonNullable<DeliverySelection['receivedBetween']>): Sql {
  return isBetween('d.received_at', period);
}

/** Returns the condition that a time is in a period. PostgreSQL compares a `bigint` with whole numbers only. */
export function isBetween(column: string, period: readonly [Date | number, Date | number]): Sql {
  const [from, until] = period.map((moment) => inBigint(Math.ceil(Number(moment))));
  return sql`${raw(column)} >= ${from} AND ${raw(column)} < ${until}`;
}

/** Any larger number is as far away from every time, and may be none of a `bigint`. */
function inBigint(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

/** Returns the ids of a period, with room for clocks that differ. */
export function rangeOf({ receivedBetween }: DeliverySelection): Range {
  if (!receivedBetween) return {};
  const [from, until] = receivedBetween.map(Number) as [number, number];
  return { from: lowestIdAt(from - MAX_CLOCK_DIFFERENCE_MS), before: lowestIdAt(until + MAX_CLOCK_DIFFERENCE_MS) };
}

/** Tells whether a selection has conditions on what was received: wide rows, each in a page of its own. */
export function asksForFacts({ tenant, status, platformId, receivedBetween }: DeliverySelection): boolean {
  return [tenant, status, platformId, receivedBetween].some((condition) => condition !== undefined);
}

/** Leaves the period out for deliveries that were received in it by their ids, however the clocks differ. */
export function withoutCertainPeriod(selection: DeliverySelection, ids: readonly string[]): DeliverySelection {
  const { receivedBetween, ...others } = selection;
  if (!receivedBetween) return selection;
  const [from, until] = receivedBetween.map(Number) as [number, number];
  const lowest = lowestIdAt(from + MAX_CLOCK_DIFFERENCE_MS);
  const end = lowestIdAt(until - MAX_CLOCK_DIFFERENCE_MS);
  return ids.every((id) => id >= lowest && id < end) ? others : selection;
}
