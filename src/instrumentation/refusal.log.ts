import type { LoggerService } from '@nestjs/common';
import { numberOf } from './number-of.js';
import type { RefusalKind, SecretProblem } from './refusal.kind.js';

type Line = (count: number, status: number, secretProblem: SecretProblem | undefined) => void;

/** Writes the log lines of POSTs that were not answered 200. Other kinds have a line with their cause. */
export class RefusalLog {
  private readonly lines: Readonly<Partial<Record<RefusalKind, Line>>> = {
    host: (count, status) => {
      if (status === 0)
        this.logger.warn(
          `Something else in this app left ${numberOf(count, 'POST')} without an answer until the sender gave up, and nothing was recorded. Let the route pass its guards, interceptors and middleware: each interceptor must return next.handle() for it.`,
        );
      else
        this.logger.warn(
          `Something else in this app answered ${status} to ${numberOf(count, 'POST')}. Let the route pass its guards, interceptors, rate limits and middleware, such as with "controllerDecorators". Import the module of a wildcard route after this one.`,
        );
    },
    'media-type': (count) =>
      this.logger.warn(
        `Answered 415 to ${numberOf(count, 'POST')}: not application/json in UTF-8 without compression. If the provider sent them, look for a proxy that changes Content-Type or Content-Encoding.`,
      ),
    'too-large': (count) =>
      this.logger.warn(
        `Answered 413 to ${numberOf(count, 'POST')}: the body is over the limit of this app. If the provider sent them, raise it: app.useBodyParser('json', { limit: '1mb' }) on Express, "bodyLimit" on Fastify.`,
      ),
    unreadable: (count) =>
      this.logger.warn(
        `Answered 400 to ${numberOf(count, 'POST')}: the body is not a JSON object. If the provider sent them, look for a middleware that reads or changes bodies.`,
      ),
    unauthorized: (count, _, problem) => {
      if (problem === 'missing')
        this.logger.warn(
          `Answered 401 to ${numberOf(count, 'POST')}: no header with the secret. If the provider sent them, compare "auth.header" with the header in its portal, and look for a proxy that drops it.`,
        );
      else if (problem === 'repeated')
        this.logger.warn(
          `Answered 401 to ${numberOf(count, 'POST')}: two headers with the secret. If the provider sent them, look for a proxy that adds one.`,
        );
      else
        this.logger.warn(
          `Answered 401 to ${numberOf(count, 'POST')}: the secret is not valid here. If the provider sent them, compare it with the one in its portal.`,
        );
    },
  };

  constructor(private readonly logger: LoggerService) {}

  /** Writes the line of a number of POSTs, if their kind has one here. */
  write(kind: RefusalKind, count: number, status: number, secretProblem: SecretProblem | undefined): void {
    this.lines[kind]?.(count, status, secretProblem);
  }
}
