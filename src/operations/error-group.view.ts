/**
 * Deliveries that are grouped.
 *
 * @publicApi
 */
export interface ErrorFilter {
  /** @default 'dead' */
  state?: 'dead' | 'pending';
  /** Only of this handler. */
  handler?: string;
  /** Only of this tenant. */
  tenant?: string;
  /** Only deliveries received from the first moment on and before the second, as dates or epoch milliseconds. */
  receivedBetween?: readonly [from: Date | number, until: Date | number];
}

/**
 * Deliveries that one handler has failed with the same error. What varies in errors is taken out: numbers are `#`, ids
 * `<id>`, quoted texts `…`.
 *
 * @publicApi
 */
export interface ErrorGroup {
  /** Handler that failed; null if none was called, as for contents that do not open and for crashes. */
  readonly handler: string | null;
  /** Error without what varies; null without one, and if errors are sealed. */
  readonly error: string | null;
  /** Text of the newest error, for `selection.error`: the longest part that does not vary; null without one. */
  readonly search: string | null;
  /** Reason why they are dead; null for `pending`. */
  readonly reason: string | null;
  /** Number of deliveries. */
  readonly count: number;
  /** Time of the first of these errors. */
  readonly firstAt: number;
  /** Time of the last of these errors. */
  readonly lastAt: number;
  /** Id of the delivery with the newest of these errors. */
  readonly example: string;
  /** True if the handler runs in the transaction that completes it; null if no live instance has it. */
  readonly isTransactional: boolean | null;
}

/**
 * Groups of errors, the largest first.
 *
 * @publicApi
 */
export interface ErrorGroups {
  /** Groups. */
  readonly groups: readonly ErrorGroup[];
  /**
   * Number of deliveries that were looked at: the newest 10 000, on SQLite 2000. For the page, what it can look at in
   * 200 milliseconds.
   */
  readonly deliveries: number;
  /** True if there are older ones that were not looked at. */
  readonly isPartial: boolean;
}
