import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import type { WebhookException } from './webhook.exception.js';

const ACKNOWLEDGEMENT = JSON.stringify({ received: true });
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Sends answers on either platform, past the host's interceptors. An interceptor that answers in place of the route
 * would acknowledge a POST that is not stored.
 */
@Injectable()
export class WebhookResponder implements BeforeApplicationShutdown {
  private isShuttingDown = false;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

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

  sendException(response: unknown, exception: WebhookException): void {
    const { retryAfterSeconds } = exception.details;
    const headers = retryAfterSeconds ? { 'Retry-After': String(retryAfterSeconds) } : undefined;
    this.send(response, exception.getStatus(), JSON.stringify(exception.getResponse()), headers);
  }

  private send(response: unknown, status: number, body: string, headers: Record<string, string> = {}): void {
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.isHeadersSent(response)) return; // the host has lost patience and has answered itself
    const all = { 'Content-Type': JSON_TYPE, ...(this.isShuttingDown && { Connection: 'close' }), ...headers };
    if (httpAdapter.getType() === 'express') {
      // Not `send()` of Express: it would hash every answer for an ETag, and compare it with the cache of the sender.
      const length = { 'Content-Length': Buffer.byteLength(body) };
      (response as ServerResponse).writeHead(status, { ...all, ...length }).end(body);
      return;
    }
    for (const [name, value] of Object.entries(all)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}
