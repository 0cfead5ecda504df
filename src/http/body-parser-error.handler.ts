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
 * Answers requests whose body the platform's parser refuses. The host's error handling does not see the error: it
 * quotes the body, and on Express carries all of it.
 */
@Injectable()
export class BodyParserErrorHandler implements OnModuleInit {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly routes: WebhookRoutes,
    private readonly responder: WebhookResponder,
  ) {}

  /** Installs the handler on Fastify. Routes must not be registered yet, because each carries its own error handler. */
  install(): void {
    if (this.routes.platform !== 'fastify') return;
    this.routes.onFastifyRoute((route) => {
      route.errorHandler = (error, request: WebhookRequest, reply) => {
        const isOurs = this.routes.paths.includes(route.url);
        if (isOurs && isUnparsedJson(error, request)) return route.handler(request as never, reply);
        const exception = isOurs ? exceptionFor(error, request) : undefined;
        if (!exception) throw error; // to the host's handler
        this.responder.sendException(reply, exception);
      };
    });
  }

  /**
   * Installs the handler on Express. It runs after our routes and before Nest's own error handler, because Express
   * calls handlers in the order of registration.
   */
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

/** Tells whether Fastify has no parser for JSON. Nothing of the body has been read then. */
function isUnparsedJson(error: unknown, { headers }: WebhookRequest): boolean {
  return (Object(error) as { code?: unknown }).code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' && isJson(headers);
}

/**
 * Returns our answer to an error of a parser, or `undefined` for other errors. For a body that is not JSON, any error
 * below 500 counts: no parser should have tried it.
 */
function exceptionFor(error: unknown, { headers }: WebhookRequest): WebhookException | undefined {
  const { status, statusCode = status, type, code } = Object(error) as Record<string, unknown>;
  if (typeof statusCode !== 'number' || statusCode >= 500) return undefined;
  if (!isJson(headers)) return webhookExceptions.mediaType();
  const isParserError =
    typeof type === 'string' || String(code).startsWith('FST_ERR_CTP_') || error instanceof SyntaxError;
  if (!isParserError) return undefined;
  return statusCode === 413 ? webhookExceptions.tooLarge() : webhookExceptions.unreadable();
}
