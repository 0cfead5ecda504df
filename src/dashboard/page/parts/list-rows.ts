import type { Page, Searched } from '../../api/contract.js';

export interface Row {
  readonly id: string;
}

/** What is on the screen. Rows keep their places; the poll only changes what they say. */
export interface Shown<T> {
  readonly path: string | null;
  readonly rows: readonly T[];
  /** Ids of rows that the filter no longer finds. They stay, as they were, until the list is read anew. */
  readonly faded: ReadonlySet<string>;
  readonly newer: number;
  readonly next: string | null;
  readonly searched: Searched | null;
}

export const NOTHING: Shown<never> = { path: null, rows: [], faded: new Set(), newer: 0, next: null, searched: null };

/** Returns a list that begins with a page. */
export function start<T extends Row>(path: string, { items, next, searched }: Page<T>): Shown<T> {
  return { path, rows: items, faded: new Set(), newer: 0, next, searched };
}

/** Puts what a poll has read into the rows that are shown. What is new is counted, and never inserted by itself. */
export function merge<T extends Row>(shown: Shown<T>, { items, next, searched }: Page<T>): Shown<T> {
  if (shown.rows.length === 0) return { ...shown, rows: items, next, searched };
  const read = new Map(items.map((item) => [item.id, item]));
  const known = new Set(shown.rows.map(({ id }) => id));
  // Behind the last known one are rows that have moved up from the next page: they are not newer.
  const lastKnown = items.findLastIndex(({ id }) => known.has(id));
  const newer = items.filter(({ id }, index) => !known.has(id) && (index < lastKnown || lastKnown === -1)).length;
  const lastRead = shown.rows.findLastIndex(({ id }) => read.has(id));
  const faded = shown.rows.filter(({ id }, index) => index <= lastRead && !read.has(id)).map(({ id }) => id);
  return { ...shown, rows: shown.rows.map((row) => read.get(row.id) ?? row), faded: new Set(faded), newer };
}

/** Puts the next page behind what is shown. */
export function append<T extends Row>(shown: Shown<T>, { items, next, searched }: Page<T>): Shown<T> {
  const known = new Set(shown.rows.map(({ id }) => id));
  const rows = [...shown.rows, ...items.filter(({ id }) => !known.has(id))];
  const total = { ...searched, rows: (shown.searched?.rows ?? 0) + searched.rows };
  return { ...shown, rows, next, searched: total };
}
