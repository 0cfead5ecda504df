import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';

/**
 * Thrown by a handler that will never succeed with this delivery: it goes to the dead letters now.
 *
 * @publicApi
 */
export class PermanentError extends Cr3dentialsWebhookError {
  override readonly name = 'PermanentError';

  constructor(message: string, options?: ErrorOptions) {
    super('PERMANENT', message, options);
  }
}

/**
 * Thrown by a handler that knows when to come back: it runs again after so many milliseconds, and no attempt is used
 * up.
 *
 * @publicApi
 */
export class RetryAfterError extends Cr3dentialsWebhookError {
  override readonly name = 'RetryAfterError';

  /** @throws RangeError when the delay is not a finite number of milliseconds from 0 */
  constructor(
    readonly delay: number,
    message = `Try again in ${delay} ms.`,
    options?: ErrorOptions,
  ) {
    super('RETRY_AFTER', message, options);
    if (!Number.isFinite(delay) || delay < 0)
      throw new RangeError('The delay must be a number of milliseconds from 0.');
  }
}
