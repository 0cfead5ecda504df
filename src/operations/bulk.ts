import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import type { DeliverySelection } from '../inbox/delivery.selection.js';
import { atLeast, callable, fields, invalid, listOf, text, type Check } from '../option.checks.js';

/**
 * Result of `replay()` for one delivery.
 *
 * - `replayed`: it is `pending`, and a worker claims it.
 * - `busy`: a worker is processing it, or somebody has locked its row; try again.
 * - `completed`: every handler has completed; name the handlers to run again.
 * - `purged`: its contents were removed.
 * - `unknown`: no delivery has this id.
 *
 * @publicApi
 */
export type ReplayResult = 'replayed' | 'busy' | 'completed' | 'purged' | 'unknown';
/**
 * Result of `discard()` for one delivery.
 *
 * - `discarded`: it needs no processing any more.
 * - `busy`: a worker is processing it, or somebody has locked its row; try again.
 * - `completed`: every handler has completed.
 * - `purged`: its contents were removed.
 * - `unknown`: no delivery has this id.
 *
 * @publicApi
 */
export type DiscardResult = 'discarded' | 'busy' | 'completed' | 'purged' | 'unknown';

export const REPLAY_RESULTS = ['replayed', 'busy', 'completed', 'purged', 'unknown'] as const satisfies ReplayResult[];
export const DISCARD_RESULTS = [
  'discarded',
  'busy',
  'completed',
  'purged',
  'unknown',
] as const satisfies DiscardResult[];

/**
 * Selection of `replayAll` and `discardAll`. The state must be named, so that nothing means all by accident.
 *
 * @publicApi
 */
export interface BulkSelection extends DeliverySelection {
  /** Only deliveries in this state. `completed` needs named handlers. */
  state: Exclude<DeliveryState, 'processing'>;
}

/**
 * What `replayAll` or `discardAll` has done: the number of deliveries that it has met, and of each result.
 *
 * @publicApi
 */
export type BulkResult<R extends string> = {
  /** Number of selected deliveries that were tried. It is the sum of the others. */
  matched: number;
} & Record<R, number>;

/**
 * Options of `discardAll`, and of `replayAll`.
 *
 * @publicApi
 */
export interface BulkOptions<R extends string> {
  /** Most deliveries in a second. @default as fast as the database does them, one after the other */
  perSecond?: number;
  /** Called after each delivery, with the numbers so far, its id and its result. What it throws ends the call. */
  onProgress?: (progress: BulkResult<R> & { id: string; result: R }) => void;
  /** Ends the call after the delivery at hand. The result then has what was done. */
  signal?: AbortSignal;
}

/**
 * Options of `replayAll`.
 *
 * @publicApi
 */
export interface ReplayAllOptions extends BulkOptions<ReplayResult> {
  /** Handlers that run even if they have completed. @default those that have not completed */
  handlers?: readonly string[];
}

const anySignal: Check = (value, name) => {
  if (!(value instanceof AbortSignal)) throw invalid(`Option "${name}" must be an AbortSignal.`);
};

const checks = { perSecond: atLeast(0.001), onProgress: callable, signal: anySignal };
/** Throws `OPTIONS_INVALID` for a wrong option of `discardAll`. */
export const checkBulkOptions = fields(checks);
/** Throws `OPTIONS_INVALID` for a wrong option of `replayAll`. */
export const checkReplayAllOptions = fields({ ...checks, handlers: listOf(text) });

/** Does the same with every delivery of the pages, one after the other. Counts the results. */
export async function doWithAll<R extends string>(
  pages: AsyncIterable<readonly { readonly id: string }[]>,
  results: readonly R[],
  act: (id: string) => Promise<R>,
  { perSecond = Infinity, onProgress, signal }: BulkOptions<R>,
): Promise<BulkResult<R>> {
  const counts = { matched: 0, ...Object.fromEntries(results.map((result) => [result, 0])) } as BulkResult<R>;
  let nextAt = performance.now();
  for await (const page of pages)
    for (const { id } of page) {
      await waitUntil(nextAt, signal);
      if (signal?.aborted) return counts;
      nextAt = Math.max(nextAt, performance.now()) + 1_000 / perSecond; // what was late is not made up for
      const result = await act(id);
      counts.matched++;
      (counts as Record<R, number>)[result]++;
      onProgress?.({ ...counts, id, result });
    }
  return counts;
}

async function waitUntil(moment: number, signal: AbortSignal | undefined): Promise<void> {
  const delay = moment - performance.now();
  if (delay > 0) await sleep(delay, undefined, { signal }).catch(() => {}); // it is looked at afterwards
}
