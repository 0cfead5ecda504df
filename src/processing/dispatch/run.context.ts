import type { EntityManager } from 'typeorm';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import type { HandlerContext } from '../handlers/handler.context.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';

/** What a handler gets beside its event. */
export class RunContext implements HandlerContext {
  readonly #cancellation: Cancellation;
  readonly #handler: VerificationHandler;
  readonly #manager: EntityManager | undefined;

  constructor(
    readonly deliveryId: string,
    readonly attempt: number,
    readonly isReplay: boolean,
    cancellation: Cancellation,
    handler: VerificationHandler,
    manager?: EntityManager,
  ) {
    this.#cancellation = cancellation;
    this.#handler = handler;
    this.#manager = manager;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  get manager(): EntityManager {
    if (this.#manager) return this.#manager;
    throw new Cr3dentialsWebhookError(
      'NOT_TRANSACTIONAL',
      `The handler "${this.#handler.id}" has no transaction. Subscribe it with @OnVerification(…, { transactional: true }).`,
    );
  }
}
