/**
 * Result of `replay()` for one delivery.
 *
 * - `replayed`: it is `pending`, and a worker claims it.
 * - `busy`: a worker is processing it, or somebody has locked its row; try again.
 * - `completed`: every handler has completed; name the handlers to run again.
 * - `purged`: its contents were removed.
 * - `erased`: its session was erased.
 * - `unknown`: no delivery has this id.
 *
 * @publicApi
 */
export type ReplayResult = 'replayed' | 'busy' | 'completed' | 'purged' | 'erased' | 'unknown';
/**
 * Result of `discard()` for one delivery.
 *
 * - `discarded`: it needs no processing any more.
 * - `busy`: a worker is processing it, or somebody has locked its row; try again.
 * - `completed`: every handler has completed.
 * - `purged`: its contents were removed.
 * - `erased`: its session was erased.
 * - `unknown`: no delivery has this id.
 *
 * @publicApi
 */
export type DiscardResult = 'discarded' | 'busy' | 'completed' | 'purged' | 'erased' | 'unknown';

export const REPLAY_RESULTS = [
  'replayed',
  'busy',
  'completed',
  'purged',
  'erased',
  'unknown',
] as const satisfies ReplayResult[];
export const DISCARD_RESULTS = [
  'discarded',
  'busy',
  'completed',
  'purged',
  'erased',
  'unknown',
] as const satisfies DiscardResult[];
