/**
 * Code of an error, stable across versions. Match on it rather than on the message.
 *
 * @publicApi
 */
export type Cr3dentialsWebhookErrorCode =
  | 'DATABASE_READ_ONLY'
  | 'DATABASE_UNSUPPORTED'
  | 'DATA_SOURCE_MISSING'
  | 'HANDLER_INVALID'
  | 'INBOX_FULL'
  | 'INBOX_TIMEOUT'
  | 'INBOX_UNAVAILABLE'
  | 'NOT_TRANSACTIONAL'
  | 'OPTIONS_INVALID'
  | 'PERMANENT'
  | 'RETRY_AFTER'
  | 'SCHEMA_INCOMPLETE'
  | 'SECRETS_UNAVAILABLE';

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
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
