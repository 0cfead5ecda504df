import { setTimeout as sleep } from 'node:timers/promises';
import { actionFields, type ActionOptions } from './action.options.js';
import { atLeast, callable, fields, invalid, listOf, text, type Check } from '../option.checks.js';
import type { ReplayResult } from './decision.results.js';

/**
 * Outcome of `replayAll` or `discardAll`: the number of deliveries that it has met, and of each result.
 *
 * @publicApi
 */
export type EachResult<R extends string> = {
  /** Number of selected deliveries that were tried. It is the sum of the others. */
  matched: number;
} & Record<R, number>;

/**
 * Options of `discardAll`, and of `replayAll`. Each delivery has its own record of the action.
 *
 * @publicApi
 */
export interface EachOptions<R extends string> extends ActionOptions {
  /** Most deliveries in a second. @default as fast as the database does them, one after the other */
  perSecond?: number;
  /** Called after each delivery, with the numbers so far, its id and its result. What it throws ends the call. */
  onProgress?: (progress: EachResult<R> & { id: string; result: R }) => void;
  /** Ends the call after the delivery at hand. The result then has what was done. */
  signal?: AbortSignal;
}

/**
 * Options of `replayAll`.
 *
 * @publicApi
 */
export interface ReplayAllOptions extends EachOptions<ReplayResult> {
  /** Handlers that run even if they have completed. @default those that have not completed */
  handlers?: readonly string[];
}

const anySignal: Check = (value, name) => {
  if (!(value instanceof AbortSignal)) throw invalid(`Option "${name}" must be an AbortSignal.`);
};

const checks = { ...actionFields, perSecond: atLeast(0.001), onProgress: callable, signal: anySignal };
/** Throws `OPTIONS_INVALID` for a wrong option of `discardAll`. */
export const checkEachOptions = fields(checks);
/** Throws `OPTIONS_INVALID` for a wrong option of `replayAll`. */
export const checkReplayAllOptions = fields({ ...checks, handlers: listOf(text) });

/** Does the same with every delivery of the pages, one after the other. Counts the results. */
export async function runOnEach<R extends string>(
  pages: AsyncIterable<readonly { readonly id: string }[]>,
  results: readonly R[],
  act: (id: string) => Promise<R>,
  { perSecond = Infinity, onProgress, signal }: EachOptions<R>,
): Promise<EachResult<R>> {
  const counts = { matched: 0, ...Object.fromEntries(results.map((result) => [result, 0])) } as EachResult<R>;
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
