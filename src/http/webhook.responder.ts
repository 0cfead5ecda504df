import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import type { WebhookException } from './webhook.exception.js';

const ACKNOWLEDGEMENT = JSON.stringify({ received: true });
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Answers on either platform, past the host's interceptors: one that answers in place of the route would acknowledge
 * what is not stored.
 */
@Injectable()
export class WebhookResponder implements BeforeApplicationShutdown {
  private isShuttingDown = false;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Node's server closes once its connections have: a sender would keep the one it has. */
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
      // Express's own would hash every answer for an ETag, and look for a cache at the sender's.
      const length = { 'Content-Length': Buffer.byteLength(body) };
      (response as ServerResponse).writeHead(status, { ...all, ...length }).end(body);
      return;
    }
    for (const [name, value] of Object.entries(all)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}
