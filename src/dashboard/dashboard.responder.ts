import { Inject, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { errorClass } from '../instrumentation/single-line.js';
import { operatorOf, type Operator } from './access/operator.js';
import { queryOf, type HostRequest } from './access/host.request.js';
import { DashboardException, invalidBody, invalidFilter, unavailable } from './api/dashboard.exception.js';
import { readBody } from './api/request.body.js';
import { RequestLimit } from './api/request.limit.js';
import { DashboardContext } from './dashboard.context.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** What an operator asks. */
export interface Call {
  readonly operator: Operator;
  readonly query: URLSearchParams;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: HostRequest['headers'];
  /** Fields of the body; none of a GET. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Answer that is not 200 with a JSON object. */
export class Answer {
  constructor(
    readonly status: number,
    /** JSON text, or nothing. */
    readonly body: string | Buffer,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}
}

/**
 * Sends answers on either platform, past the interceptors of the host: nothing of theirs sees contents, or changes an
 * answer.
 */
@Injectable()
export class DashboardResponder {
  private readonly logger = new Logger('Cr3dentialsWebhookDashboard');

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(DashboardContext) private readonly context: DashboardContext,
    private readonly limit: RequestLimit,
  ) {}

  /** Answers what was asked with JSON. Never rejects. */
  async answer(request: HostRequest, response: unknown, work: (call: Call) => object | Promise<object>): Promise<void> {
    try {
      const operator = operatorOf(request);
      const body = request.method === 'GET' || request.method === 'HEAD' ? {} : await readBody(request, response);
      const call = { operator, body, query: queryOf(request), params: request.params, headers: request.headers };
      const result = await this.limit.run(async () => work(call));
      this.send(response, result instanceof Answer ? result : new Answer(200, JSON.stringify(result)));
    } catch (error) {
      this.sendError(response, this.toException(error));
    }
  }

  sendError(response: unknown, error: DashboardException): void {
    this.send(response, new Answer(error.getStatus(), JSON.stringify(error.answer), error.headers));
  }

  send(response: unknown, { status, body, headers }: Answer): void {
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.isHeadersSent(response)) return; // the host has lost patience and has answered itself
    const all = { 'Content-Type': JSON_TYPE, ...headers };
    for (const [name, value] of Object.entries(all)) httpAdapter.setHeader(response, name, value);
    if (httpAdapter.getType() !== 'express') return void httpAdapter.reply(response, body, status);
    // Not `send()` of Express: it would answer 304 by a tag of its own.
    const raw = response as ServerResponse;
    raw.setHeader('Content-Length', Buffer.byteLength(body));
    raw.statusCode = status;
    raw.end(body);
  }

  private toException(error: unknown): DashboardException {
    if (error instanceof DashboardException) return error;
    const code = error instanceof Cr3dentialsWebhookError ? error.code : undefined;
    if (code === 'OPTIONS_INVALID') return invalidFilter((error as Error).message);
    if (code === 'HANDLER_INVALID') return invalidBody((error as Error).message);
    if (code === 'KEYS_UNAVAILABLE')
      return unavailable('INBOX_UNAVAILABLE', 'Not everything could be searched: a key is missing. Try again.');
    switch (this.context.core.reasonOf(error)) {
      case 'slow':
        return unavailable('INBOX_BUSY', 'The search took too long. Choose a shorter time, or fewer conditions.');
      case 'unavailable':
        return unavailable('INBOX_UNAVAILABLE', 'The database does not answer. Try again in a moment.');
      default:
        this.logger.error(`The page could not be answered: ${errorClass(error)}. Please report it.`);
        return new DashboardException(500, { code: 'INBOX_FAILED', message: 'It failed. The log says what it was.' });
    }
  }
}
