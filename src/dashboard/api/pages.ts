import type { Found, Place } from '../../inbox/windowed.search.js';
import type { Operator } from '../access/operator.js';
import type { Page } from './contract/common.js';
import type { DashboardSettings } from '../dashboard.settings.js';
import { fromCursor, toCursor } from './cursor.js';
import type { QueryParser } from './query.parser.js';

/**
 * Reads which page a query asks for, by its `limit` and `cursor`.
 *
 * @param filter that of the query, for which alone its cursor holds
 */
export function pageAskedFor(
  parser: QueryParser,
  filter: object,
  { page, maxPage }: DashboardSettings['limits'],
): { readonly limit: number; readonly after: Place | undefined } {
  const limit = parser.whole('limit', 1, maxPage) ?? page;
  return { limit, after: fromCursor(parser.text('cursor'), filter) };
}

/** Returns a page of the contract. */
export function toPage<T>(
  { items, last, rows, isEnd }: Found<T>,
  filter: object,
  { now, operator }: { readonly now: number; readonly operator: Operator },
): Page<T> {
  return {
    now,
    items,
    next: isEnd || !last ? null : toCursor(last, filter),
    // How many others have is not for an operator of some tenants.
    searched: {
      rows: operator.tenants ? items.length : rows,
      backTo: last ? (last.at ?? timeOf(last.id)) : null,
      isEnd,
    },
  };
}

/** Returns the time in a UUIDv7. */
function timeOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}
