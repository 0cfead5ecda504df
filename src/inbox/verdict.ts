import type { ContractRejection } from '../contract/payload-validation.pipe.js';

/** Outcome of recording a valid payload. `conflict`: other content is recorded for the session already. */
export type RecordingVerdict = 'accepted' | 'duplicate' | 'conflict';

/**
 * Outcome of a POST. Every verdict but `unavailable` is durable. `unavailable`: the POST is not known to be durable,
 * and the sender must send it again. Every other verdict but `accepted` and `duplicate` is kept as a rejection.
 *
 * @publicApi
 */
export type Verdict = RecordingVerdict | ContractRejection['reason'] | 'stale' | 'unavailable';
