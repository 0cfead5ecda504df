import type { RetentionStatus } from '../retention/retention.js';
import type { SecretUse } from '../authentication/shared-secrets.js';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import type { UnreadableProblem } from '../instrumentation/internal.occurrences.js';
import type { RefusalKind } from '../instrumentation/refusal.kind.js';

/**
 * Number of deliveries in each state, and figures to alert on. Every number is exact, except `completed`: with more
 * than 10 000 deliveries it follows from the statistics of the database, and may be off by some per cent.
 *
 * @publicApi
 */
export type InboxStats = Record<DeliveryState, number> & {
  /** Number of rejections that nobody has decided on. */
  openRejections: number;
  /**
   * Time that the oldest due delivery has waited, in milliseconds; 0 if none is due. A delivery with an expired lease
   * is due.
   */
  oldestDue: number;
  /** Numbers of POSTs that the module has not answered 200 on this instance since it started, by kind. */
  refused: Record<RefusalKind, number>;
  /** Numbers of times that this instance could not open sealed contents since it started, by the problem. */
  unreadable: Record<UnreadableProblem, number>;
  /** State of the retention of all instances together. */
  retention: RetentionStatus;
  /**
   * Uses of the secrets on this instance since it started: of each in `auth.secrets`, or of the 1 000 of
   * `auth.resolveSecrets` that were used last. A rotation is over when no instance sees the old one used any more.
   */
  secrets: SecretUse[];
};
