import type { EntityManager } from 'typeorm';

/**
 * The second argument of a handler.
 *
 * @publicApi
 */
export interface HandlerContext {
  readonly deliveryId: string;
  /** Counted from 1, for this handler and delivery; interruptions that are not its fault do not count. */
  readonly attempt: number;
  /** Whether an operator asked for this run. */
  readonly isReplay: boolean;
  /** Aborted on timeout, on a lost lease and on shutdown: whatever the handler still does will be done again. */
  readonly signal: AbortSignal;
  /**
   * Writes in the transaction that records the handler's completion: they take effect exactly once per session. On
   * SQLite it is the module's own connection.
   *
   * @throws Cr3dentialsWebhookError `NOT_TRANSACTIONAL` unless the handler is `{ transactional: true }`
   */
  readonly manager: EntityManager;
}
