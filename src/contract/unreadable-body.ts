import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { WebhookRequest } from '../webhook-request.js';
import { isJson } from './json-body.guard.js';
import { refusals, type Refusal } from './refusal.js';

type Next = (error: unknown) => void;
type ErrorMiddleware = (error: unknown, request: WebhookRequest, response: unknown, next: Next) => void;
type FastifyErrorHandler = (this: unknown, error: unknown, request: FastifyRequest, reply: unknown) => unknown;
interface FastifyRequest extends WebhookRequest {
  readonly routeOptions?: { url?: string };
}
interface FastifyInstance {
  errorHandler: FastifyErrorHandler;
  setErrorHandler(handler: FastifyErrorHandler): void;
}

/**
 * Answers bodies that the platform's parser refuses, before the host's error handling sees them: the parser's error
 * quotes the body, and on Express carries all of it.
 *
 * Parsers run before routing, hence the match by path: any prefix a host may have put before ours.
 */
@Injectable()
export class UnreadableBody implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly paths: readonly string[],
  ) {}

  /** After our routes and before Nest's own error handler, which Express asks in the order of registration. */
  onModuleInit(): void {
    if (this.adapterHost.httpAdapter?.getType() !== 'express') return;
    const answer: ErrorMiddleware = (error, request, response, next) => {
      const refusal = refusalOf(error, request);
      if (refusal) this.reply(response, refusal);
      else next(error);
    };
    const instance = this.adapterHost.httpAdapter.getInstance<{
      use(paths: string[], handler: ErrorMiddleware): void;
    }>();
    instance.use(
      this.paths.map((path) => `{/*prefix}${path}`),
      answer,
    );
  }

  /** After Nest has set its error handler, which Fastify has one of. */
  onApplicationBootstrap(): void {
    if (this.adapterHost.httpAdapter?.getType() !== 'fastify') return;
    const instance = this.adapterHost.httpAdapter.getInstance<FastifyInstance>();
    const { errorHandler } = instance;
    const answer = this.reply.bind(this);
    const isOurs = (url = '') => this.paths.some((path) => url.endsWith(path));
    instance.setErrorHandler(function (error, request, reply) {
      const refusal = isOurs(request.routeOptions?.url) ? refusalOf(error, request) : undefined;
      return refusal ? answer(reply, refusal) : errorHandler.call(this, error, request, reply);
    });
  }

  private reply(response: unknown, refusal: Refusal): void {
    this.adapterHost.httpAdapter.reply(response, refusal.getResponse(), refusal.getStatus());
  }
}

/** Only what a parser throws has both; anything else that fails is not about the body. */
function refusalOf(error: unknown, request: WebhookRequest): Refusal | undefined {
  const {
    status,
    statusCode = status,
    type,
    code,
  } = Object(error) as Record<'status' | 'statusCode' | 'type' | 'code', unknown>;
  const isParserError =
    typeof type === 'string' ||
    (typeof code === 'string' && code.startsWith('FST_ERR_CTP_')) ||
    error instanceof SyntaxError;
  if (!isParserError || typeof statusCode !== 'number' || statusCode >= 500) return undefined;
  if (!isJson(request.headers)) return refusals.mediaType();
  return statusCode === 413 ? refusals.tooLarge() : refusals.unreadable();
}
