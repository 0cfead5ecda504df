import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { TENANT, type WebhookRequest } from '../webhook-request.js';

/**
 * An authenticated POST on its way to our validation pipe. With a private field and no metadata, a host's global
 * pipes, which Nest runs before ours, find nothing in it to whitelist, convert or trim.
 */
export class IncomingWebhook {
  readonly #request: WebhookRequest;

  constructor(request: WebhookRequest) {
    this.#request = request;
  }

  get tenant(): string {
    return this.#request[TENANT] ?? '';
  }

  get parsed(): unknown {
    return this.#request.body;
  }

  /** As it was sent, byte for byte, where the host keeps the raw body: numbers lose digits when parsed. */
  get text(): string {
    return this.#request.rawBody?.toString('utf8') ?? JSON.stringify(this.#request.body);
  }
}

const incoming = createParamDecorator(
  (_: unknown, context: ExecutionContext) => new IncomingWebhook(context.switchToHttp().getRequest()),
);

/** The POST as the pipe understands it. Host pipes skip it: it is neither a body nor of a type they could know. */
export function Incoming(pipe: Type<PipeTransform>): ParameterDecorator {
  return incoming(undefined, pipe);
}
