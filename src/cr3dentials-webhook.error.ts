/**
 * Code of an error, stable across versions. Match on it rather than on the message.
 *
 * @publicApi
 */
export type Cr3dentialsWebhookErrorCode =
  | 'DASHBOARD_OPEN'
  | 'DASHBOARD_WITHOUT_INBOX'
  | 'DATABASE_ENCODING'
  | 'DATABASE_READ_ONLY'
  | 'DATABASE_UNSUPPORTED'
  | 'DATA_SOURCE_MISSING'
  | 'HANDLER_INVALID'
  | 'INBOX_FULL'
  | 'INBOX_TIMEOUT'
  | 'INBOX_UNAVAILABLE'
  | 'KEYS_UNAVAILABLE'
  | 'KEYS_UNKNOWN'
  | 'KEY_MISMATCH'
  | 'MODULE_DUPLICATE'
  | 'MODULE_UNCONFIGURED'
  | 'NOT_TRANSACTIONAL'
  | 'OPTIONS_INVALID'
  | 'PERMANENT'
  | 'PREVIEW_OUTDATED'
  | 'QUEUE_NEEDS_SERVER'
  | 'RETRY_AFTER'
  | 'SCHEMA_INCOMPLETE'
  | 'SECRETS_UNAVAILABLE'
  | 'TRANSACTION_CONFLICT';

/**
 * Base class of every error that this module throws. The message ends with the remedy and never holds a secret, a
 * header value or a payload.
 *
 * @publicApi
 */
export class Cr3dentialsWebhookError extends Error {
  /** Name of the class, as logs show it. */
  override readonly name: string = 'Cr3dentialsWebhookError';

  constructor(
    /** Code of the error, stable across versions. */
    readonly code: Cr3dentialsWebhookErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/**
 * Does what may stop the boot. An error of ours then has no stack: its message says what to do, and frames of this
 * module and of Nest would push it off the screen.
 */
export function withoutStack<T>(work: () => T): T {
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(failBoot) as T) : result;
  } catch (error) {
    return failBoot(error);
  }
}

function failBoot(error: unknown): never {
  if (error instanceof Cr3dentialsWebhookError) error.stack = `${error.name}: ${error.message}`;
  throw error;
}
