import { HttpException, HttpStatus } from '@nestjs/common';
import type { RefusalKind, SecretProblem } from '../instrumentation/refusal.kind.js';

const REASON_PHRASES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  503: 'Service Unavailable',
} as const;

interface WebhookExceptionDetails {
  readonly violations?: Record<string, string[]>;
  readonly retryAfterSeconds?: number;
  /** For the log: all answers are the same. */
  readonly secretProblem?: SecretProblem;
}

/** Answer other than 200. All answers of a kind have the same bytes, whatever was sent and on whichever platform. */
export class WebhookException extends HttpException {
  constructor(
    /** Kind that it is counted as. */
    readonly kind: RefusalKind,
    status: keyof typeof REASON_PHRASES,
    message: string,
    readonly details: WebhookExceptionDetails = {},
  ) {
    const { violations } = details;
    super({ statusCode: status, error: REASON_PHRASES[status], message, ...(violations && { violations }) }, status);
  }
}

export const webhookExceptions = {
  unauthorized: (secretProblem: SecretProblem) =>
    new WebhookException('unauthorized', HttpStatus.UNAUTHORIZED, 'The webhook secret is missing or wrong.', {
      secretProblem,
    }),
  mediaType: () =>
    new WebhookException(
      'media-type',
      HttpStatus.UNSUPPORTED_MEDIA_TYPE,
      'Send JSON in UTF-8, uncompressed, as application/json.',
    ),
  unreadable: () =>
    new WebhookException('unreadable', HttpStatus.BAD_REQUEST, 'The body is not a JSON object, or an empty one.'),
  tooLarge: () =>
    new WebhookException('too-large', HttpStatus.PAYLOAD_TOO_LARGE, 'The body is larger than this server accepts.'),
  violation: (violations: Record<string, string[]>) =>
    new WebhookException('invalid', HttpStatus.BAD_REQUEST, 'The payload is against the contract.', { violations }),
  secretsUnavailable: () => unavailable('secrets-unavailable'),
  unavailable: () => unavailable('unavailable'),
};

function unavailable(kind: RefusalKind): WebhookException {
  return new WebhookException(kind, HttpStatus.SERVICE_UNAVAILABLE, 'Not recorded. Try again.', {
    retryAfterSeconds: 5,
  });
}
