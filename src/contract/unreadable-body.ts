import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { WebhookRequest } from '../webhook-request.js';
import { WebhookRoutes } from '../webhook-routes.js';
import { isJson } from './json-body.guard.js';
import { Answerer } from './answerer.js';
import { refusals, type Refusal } from './refusal.js';

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
export class UnreadableBody implements OnModuleInit {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly routes: WebhookRoutes,
    private readonly answerer: Answerer,
  ) {}

  /** To be called before routes are registered: Fastify asks the route. */
  beforeRoutes(): void {
    if (this.routes.platform !== 'fastify') return;
    this.routes.watchFastify((route) => {
      route.errorHandler = (error, request: WebhookRequest, reply) => {
        const refusal = this.routes.paths.includes(route.url) ? refusalOf(error, request) : undefined;
        if (!refusal) throw error; // to the host's handler
        this.answerer.refuse(reply, refusal);
      };
    });
  }

  /** After our routes and before Nest's own error handler: Express asks in the order of registration. */
  onModuleInit(): void {
    if (this.routes.platform !== 'express') return;
    const answer: ErrorHandler = (error, request, response, next) => {
      const isOurs = request.method === 'POST' && this.routes.expressLeadsToUs(request.path ?? '');
      const refusal = isOurs ? refusalOf(error, request) : undefined;
      if (refusal) this.answerer.refuse(response, refusal);
      else next(error);
    };
    this.adapterHost.httpAdapter.getInstance<{ use(handler: ErrorHandler): void }>().use(answer);
  }
}

/** What a parser throws, or anything thrown at the sender of what no parser should have tried. */
function refusalOf(error: unknown, { headers }: WebhookRequest): Refusal | undefined {
  const { status, statusCode = status, type, code } = Object(error) as Record<string, unknown>;
  if (typeof statusCode !== 'number' || statusCode >= 500) return undefined;
  if (!isJson(headers)) return refusals.mediaType();
  const isParserError =
    typeof type === 'string' || String(code).startsWith('FST_ERR_CTP_') || error instanceof SyntaxError;
  if (!isParserError) return undefined;
  return statusCode === 413 ? refusals.tooLarge() : refusals.unreadable();
}
