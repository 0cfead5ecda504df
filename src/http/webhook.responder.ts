import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import type { WebhookException } from './webhook.exception.js';

const ACKNOWLEDGEMENT = JSON.stringify({ received: true });
/** Marks Node's responses that were sent from here. The host has sent the others. */
const SENT = Symbol('cr3dentials-webhook sent');
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Sends answers on either platform, past the host's interceptors. An interceptor that answers in place of the route
 * would acknowledge a POST that is not stored.
 */
@Injectable()
export class WebhookResponder implements BeforeApplicationShutdown {
  private isShuttingDown = false;

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Makes every further answer close its connection. Node's server closes only once its connections have, and a sender
   * would keep its own.
   */
  beforeApplicationShutdown(): void {
    this.isShuttingDown = true;
  }

  acknowledge(response: unknown): void {
    this.send(response, 200, ACKNOWLEDGEMENT);
  }

  /** @param hasVerdict true for a POST that was authentic and read, so that it was announced as received */
  sendException(response: unknown, exception: WebhookException, hasVerdict = false): void {
    const { kind, details } = exception;
    const status = exception.getStatus();
    const isSent = this.send(response, status, JSON.stringify(exception.getResponse()), details.retryAfterSeconds);
    if (isSent && !nodeResponse(response).socket?.destroyed)
      this.instrumentation.announce('refused', { kind, status, secretProblem: details.secretProblem, hasVerdict });
  }

  /** Tells whether the answer was sent from here. */
  hasSent(response: ServerResponse & { [SENT]?: true }): boolean {
    return response[SENT] === true;
  }

  private send(response: unknown, status: number, body: string, retryAfterSeconds?: number): boolean {
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.isHeadersSent(response)) return false; // the host has lost patience and has answered itself
    nodeResponse(response)[SENT] = true;
    const headers: Record<string, string | number> = { 'Content-Type': JSON_TYPE };
    if (this.isShuttingDown) headers.Connection = 'close';
    if (retryAfterSeconds) headers['Retry-After'] = String(retryAfterSeconds);
    if (httpAdapter.getType() === 'express') {
      // Not `send()` of Express: it would hash every answer for an ETag, and compare it with the cache of the sender.
      headers['Content-Length'] = Buffer.byteLength(body);
      (response as ServerResponse).writeHead(status, headers).end(body);
      return true;
    }
    for (const name in headers) httpAdapter.setHeader(response, name, headers[name] as string);
    httpAdapter.reply(response, body, status);
    return true;
  }
}

function nodeResponse(response: unknown): ServerResponse & { [SENT]?: true } {
  return (response as { raw?: ServerResponse }).raw ?? (response as ServerResponse);
}
