import type { ContractRejection } from '../contract/payload-validation.pipe.js';

/** What the inbox makes of a valid payload. `conflict`: other content is recorded for the session already. */
export type RecordingVerdict = 'accepted' | 'duplicate' | 'conflict';

/**
 * What a POST came to. Every verdict but the last is durable, and every one of these but `accepted` and `duplicate` is
 * a rejection that is kept. `unavailable`: it is not known to be durable, and the sender must send it again.
 */
export type Verdict = RecordingVerdict | ContractRejection['reason'] | 'unavailable';
