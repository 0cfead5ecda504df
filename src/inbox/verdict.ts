import type { ContractRejection } from '../contract/payload-validation.js';

/**
 * Outcome of recording a valid payload. `conflict`: other content is recorded for the session already. `erased`: the
 * session was erased; nothing is kept.
 */
export type RecordingVerdict = 'accepted' | 'duplicate' | 'conflict' | 'erased';

/** Outcome of recording, with the delivery that has its content: an earlier one for a duplicate and a conflict. */
export interface Recording {
  readonly verdict: RecordingVerdict;
  readonly deliveryId: string;
}

/**
 * Outcome of a POST. Every verdict but `unavailable` is durable. `unavailable`: the POST is not known to be durable,
 * and the sender must send it again. `erased`: the session was erased, so the POST is
 * acknowledged, and nothing of it is kept. Every other verdict but `accepted` and `duplicate` is kept as a rejection.
 *
 * @publicApi
 */
export type Verdict = RecordingVerdict | ContractRejection['reason'] | 'stale' | 'unavailable';
