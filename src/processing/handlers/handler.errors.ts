import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';

/**
 * Thrown by a handler that can never succeed with this delivery. The handler is not retried, and becomes `dead`.
 *
 * @publicApi
 */
export class PermanentError extends Cr3dentialsWebhookError {
  override readonly name = 'PermanentError';

  constructor(message: string, options?: { cause?: unknown }) {
    super('PERMANENT', message, options);
  }
}

/**
 * Thrown by a handler that knows when to try again. The handler is called again after the delay, and no attempt is used
 * up.
 *
 * @publicApi
 */
export class RetryAfterError extends Cr3dentialsWebhookError {
  override readonly name = 'RetryAfterError';

  /** @throws RangeError when the delay is not a finite number of milliseconds from 0 */
  constructor(
    /** Milliseconds until the handler is called again. A delay of more than a year is shortened to a year. */
    readonly delay: number,
    message = `Try again in ${delay} ms.`,
    options?: { cause?: unknown },
  ) {
    super('RETRY_AFTER', message, options);
    if (!Number.isFinite(delay) || delay < 0)
      throw new RangeError('The delay must be a number of milliseconds from 0.');
  }
}
