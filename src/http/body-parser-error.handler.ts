import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { WebhookRequest } from './webhook-request.js';
import { WebhookRoutes } from './webhook-routes.js';
import { isJson } from './json-body.guard.js';
import { WebhookResponder } from './webhook.responder.js';
import { webhookExceptions, type WebhookException } from './webhook.exception.js';

type ErrorHandler = (
  error: unknown,
  request: WebhookRequest,
  response: unknown,
  next: (error: unknown) => void,
) => void;

/**
 * Answers bodies that the platform's parser refuses, before the host's error handling sees them: the parser's error
 * quotes the body, and on Express carries all of it.
 */
@Injectable()
export class BodyParserErrorHandler implements OnModuleInit {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly routes: WebhookRoutes,
    private readonly responder: WebhookResponder,
  ) {}

  /** To be called before routes are registered: Fastify asks the route. */
  install(): void {
    if (this.routes.platform !== 'fastify') return;
    this.routes.onFastifyRoute((route) => {
      route.errorHandler = (error, request: WebhookRequest, reply) => {
        const exception = this.routes.paths.includes(route.url) ? exceptionFor(error, request) : undefined;
        if (!exception) throw error; // to the host's handler
        this.responder.sendException(reply, exception);
      };
    });
  }

  /** After our routes and before Nest's own error handler: Express asks in the order of registration. */
  onModuleInit(): void {
    if (this.routes.platform !== 'express') return;
    const answer: ErrorHandler = (error, request, response, next) => {
      const isOurs = request.method === 'POST' && this.routes.isOurExpressRoute(request.path ?? '');
      const exception = isOurs ? exceptionFor(error, request) : undefined;
      if (exception) this.responder.sendException(response, exception);
      else next(error);
    };
    this.adapterHost.httpAdapter.getInstance<{ use(handler: ErrorHandler): void }>().use(answer);
  }
}

/** What a parser throws, or anything thrown at the sender of what no parser should have tried. */
function exceptionFor(error: unknown, { headers }: WebhookRequest): WebhookException | undefined {
  const { status, statusCode = status, type, code } = Object(error) as Record<string, unknown>;
  if (typeof statusCode !== 'number' || statusCode >= 500) return undefined;
  if (!isJson(headers)) return webhookExceptions.mediaType();
  const isParserError =
    typeof type === 'string' || String(code).startsWith('FST_ERR_CTP_') || error instanceof SyntaxError;
  if (!isParserError) return undefined;
  return statusCode === 413 ? webhookExceptions.tooLarge() : webhookExceptions.unreadable();
}
