import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { WebhookRequest } from '../webhook-request.js';
import { isJson } from './json-body.guard.js';
import { refusals, type Refusal } from './refusal.js';

type ExpressErrorHandler = (
  error: unknown,
  request: WebhookRequest,
  response: unknown,
  next: (error: unknown) => void,
) => void;
type FastifyErrorHandler = (error: unknown, request: WebhookRequest, reply: unknown) => void;
interface Express {
  use(paths: string[], handler: ExpressErrorHandler): void;
}
interface Fastify {
  addHook(name: 'onRoute', hook: (route: { url: string; errorHandler?: FastifyErrorHandler }) => void): void;
}

/**
 * Answers bodies that the platform's parser refuses, before the host's error handling sees them: the parser's error
 * quotes the body, and on Express carries all of it.
 *
 * Parsers run before routing, hence the match by path: any prefix a host may have put before ours.
 */
@Injectable()
export class UnreadableBody implements OnModuleInit {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly paths: readonly string[],
  ) {}

  /** To be called before routes are registered: Fastify asks the route. */
  beforeRoutes(): void {
    if (this.platform !== 'fastify') return;
    this.adapterHost.httpAdapter.getInstance<Fastify>().addHook('onRoute', (route) => {
      if (!this.paths.some((path) => route.url.endsWith(path))) return;
      route.errorHandler = (error, request, reply) => {
        const refusal = refusalOf(error, request);
        if (!refusal) throw error; // to the host's handler
        this.reply(reply, refusal);
      };
    });
  }

  /** After our routes and before Nest's own error handler: Express asks in the order of registration. */
  onModuleInit(): void {
    if (this.platform !== 'express') return;
    this.adapterHost.httpAdapter.getInstance<Express>().use(
      this.paths.map((path) => `{/*prefix}${path}`),
      (error, request, response, next) => {
        const refusal = refusalOf(error, request);
        if (refusal) this.reply(response, refusal);
        else next(error);
      },
    );
  }

  /** Nothing in an application without HTTP. */
  private get platform(): string | undefined {
    return this.adapterHost.httpAdapter?.getType();
  }

  private reply(response: unknown, refusal: Refusal): void {
    this.adapterHost.httpAdapter.reply(response, refusal.getResponse(), refusal.getStatus());
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
