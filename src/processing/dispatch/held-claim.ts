import type { ClaimKey } from '../../inbox/claimed-delivery.js';

/** Claim whose outcome is to be written. */
export interface HeldClaim extends ClaimKey {
  /** False once the lease was lost: another worker may have the delivery. */
  readonly isHeld: boolean;
  /** True once this worker has a later claim of the delivery. */
  readonly isReplaced: boolean;
  /** `traceparent` of the POST, if it was traced. */
  readonly traceContext: string | null;
}
