import type { HandlerListing } from '../../api/contract.js';
import { number, success } from '../parts/numbers.js';
import { duration } from '../time/format.js';
import { words } from '../words/index.js';

/** Returns what a handler did lately, in words. */
export function recentOf({ recent }: HandlerListing['items'][number]): {
  readonly success: string;
  readonly times: string;
} {
  const { runs, latency } = recent;
  return {
    success: recent.success === null ? words.none : words.handlers.successOf(success(recent.success), number(runs)),
    times: latency === null ? words.none : [latency.p50, latency.p95, latency.p99].map(duration).join(' · '),
  };
}
