import { setImmediate as othersTurn } from 'node:timers/promises';
import type { Dialect } from '../database/dialect/dialect.js';
import { WindowSize } from './window.size.js';

/** Time after which a search looks at no further window. It then says how far it got. */
export const MAX_SEARCH_MS = 200;

/**
 * Returns the most rows that one query of a search looks at. A synchronous driver stops the process meanwhile, and from
 * a thousand values on, MariaDB would read the whole table.
 */
export function windowOf({ isServer }: Pick<Dialect, 'isServer'>): number {
  return isServer ? 500 : 250;
}

/** Place in an order of rows, after which a search goes on. */
export interface Place {
  readonly id: string;
  /** Time by which the rows are sorted before their ids; undefined if their ids alone sort them. */
  readonly at?: number;
}

/** How much a search may look at, and return. */
export interface SearchBounds {
  /** Most rows to return. */
  readonly limit: number;
  /** Most rows to look at. */
  readonly scan: number;
}

/** Part of the rows that a search has found. */
export interface Found<R> {
  readonly items: R[];
  /** Last row that was looked at, after which the search goes on; undefined if nothing was looked at. */
  readonly last: Place | undefined;
  /** Number of rows that were looked at. */
  readonly rows: number;
  /** True if there is nothing after them. */
  readonly isEnd: boolean;
}

/** Rows in an order, that can be walked by an index, and their conditions. */
export interface Walk<R> {
  /** True if a row may be left out by `matching`. */
  readonly isFiltered: boolean;
  /** Reads the next places. */
  places(after: Place | undefined, count: number): Promise<Place[]>;
  /** Reads the rows at these places that meet the conditions, in any order. */
  matching(ids: readonly string[]): Promise<readonly R[]>;
}

/**
 * Looks for rows in small windows of an index, until there are enough, or the bounds are reached. However many rows
 * there are, and however few match, no query looks at more than a window.
 */
export async function searchInWindows<R extends { readonly id: string }>(
  dialect: Pick<Dialect, 'isServer'>,
  walk: Walk<R>,
  after: Place | undefined,
  { limit, scan }: SearchBounds,
): Promise<Found<R>> {
  const size = new WindowSize(dialect, windowOf(dialect));
  const giveUpAt = performance.now() + MAX_SEARCH_MS;
  const items: R[] = [];
  let [last, rows] = [after, 0];
  for (;;) {
    const count = Math.min(walk.isFiltered ? size.rows : limit + 1, scan - rows);
    const begunAt = performance.now();
    const places = await walk.places(last, count);
    const matching = places.length > 0 ? await walk.matching(places.map(({ id }) => id)) : [];
    const byId = new Map(matching.map((row) => [row.id, row]));
    for (const place of places) {
      if (items.length === limit) return { items, last, rows, isEnd: false };
      const row = byId.get(place.id);
      if (row) items.push(row);
      [last, rows] = [place, rows + 1];
    }
    if (places.length < count) return { items, last, rows, isEnd: true };
    size.took(performance.now() - begunAt);
    if (rows >= scan || performance.now() > giveUpAt) return { items, last, rows, isEnd: false };
    await othersTurn(); // a synchronous driver gives none
  }
}
