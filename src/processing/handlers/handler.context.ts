import type { EntityManager } from 'typeorm';

/**
 * Context of a handler call, passed as its second argument.
 *
 * @publicApi
 */
export interface HandlerContext {
  /** Id of the delivery. `inbox.find(deliveryId)` returns it. */
  readonly deliveryId: string;
  /**
   * Number of the attempt of this handler for this delivery, from 1. Interruptions and `RetryAfterError` do not count.
   */
  readonly attempt: number;
  /** True when an operator has replayed the delivery. */
  readonly isReplay: boolean;
  /**
   * Aborted on timeout, on a lost lease and on shutdown. The handler should stop then, because it may be called again.
   */
  readonly signal: AbortSignal;
  /**
   * Entity manager of the transaction that also records the completion of the handler. Its writes take effect exactly
   * once per session. On SQLite it belongs to the connection of the module.
   *
   * @throws Cr3dentialsWebhookError `NOT_TRANSACTIONAL` unless the handler is subscribed with `{ transactional: true }`
   */
  readonly manager: EntityManager;
}
