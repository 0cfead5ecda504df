import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { withTimeout } from '../concurrency/with-timeout.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { collectBody } from './body.collector.js';
import { closeOnceAnswered } from './webhook-request.js';
import { webhookExceptions } from './webhook.exception.js';

/** Token of the longest time that a body may take to arrive, in milliseconds. */
export const BODY_TIMEOUT = Symbol('cr3dentials-webhook body timeout');

/** Size of the largest body that is read here. A parser of the host has a limit of its own. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Reads the bodies that no parser of the host has read, such as of an app with `bodyParser: false`. */
@Injectable()
export class BodyReader {
  constructor(
    @Inject(BODY_TIMEOUT) private readonly timeoutMs: number,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Resolves to the body.
   *
   * @throws WebhookException if it is larger than 1 MiB, late or cut off, or if something else has read of it
   */
  async read(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
    if (request.readableDidRead || request.destroyed) throw webhookExceptions.unreadable();
    return withTimeout(collect(request), this.timeoutMs, () => {
      this.instrumentation.announce('unavailable', { error: `Reading the body timed out after ${this.timeoutMs} ms.` });
      closeOnceAnswered(request, response);
      return webhookExceptions.unavailable();
    });
  }
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const body = await collectBody(request, MAX_BODY_BYTES);
  if (body === 'too-large') throw webhookExceptions.tooLarge();
  if (body === 'cut-off') throw webhookExceptions.unreadable();
  return body;
}
