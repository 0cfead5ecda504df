import { Injectable } from '@nestjs/common';
import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { ConnectionWatch } from './connection.watch.js';
import { isNonstandardJsonType, normalizeContentType } from './json-body.guard.js';
import { closeOnceAnswered, IN_MODULE, type WebhookRequest } from './webhook-request.js';
import { webhookExceptions } from './webhook.exception.js';
import { WebhookResponder } from './webhook.responder.js';
import { WebhookRoutes, type FastifyHook } from './webhook-routes.js';

/** Time between two looks at what is still being sent, once the time of a shutdown is over. */
const CLOSE_INTERVAL_MS = 1_000;

/** A response as the platform has it. */
type Reply = ServerResponse | FastifyReply;

interface FastifyReply {
  readonly raw: ServerResponse;
  readonly request: WebhookRequest & { readonly routeOptions: { readonly url?: string } };
}

/**
 * Watches our route from outside of the module: it sees the POSTs that the host answers, those that it never answers,
 * and the bodies that a parser of the host is still waiting for.
 */
@Injectable()
export class RequestWatch {
  /** The answer to the POST on each connection, or on each stream of HTTP/2, until it is finished. */
  private readonly answers = new Map<EventEmitter, Reply | undefined>();
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly routes: WebhookRoutes,
    private readonly connections: ConnectionWatch,
    private readonly responder: WebhookResponder,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Begins to watch. On Fastify, routes must not be registered yet. */
  install(): void {
    if (this.routes.platform === undefined) return;
    this.connections.install();
    if (this.routes.platform === 'express') this.watchExpress();
    if (this.routes.platform === 'fastify') this.watchFastify();
  }

  /**
   * Closes the connections of POSTs that are still being sent after this time, and of those that begin later: in their
   * body if they are for our route, or in their headers. Answers those to our route that the host still holds, such as
   * in an interceptor. Node would wait for all of them, and the shutdown with it. Only the first call counts.
   */
  closeUnfinishedAfter(milliseconds: number): void {
    if (this.timer || this.routes.platform === undefined) return;
    const close = () => {
      this.closeUnfinished();
      this.connections.close();
    };
    this.timer = setTimeout(() => {
      close();
      this.timer = setInterval(close, CLOSE_INTERVAL_MS).unref();
    }, milliseconds).unref();
  }

  /** Ends what `closeUnfinishedAfter` has begun. */
  stop(): void {
    clearTimeout(this.timer);
  }

  private watchExpress(): void {
    const end = (response: ServerResponse): void => this.end(response, response);
    // One function for all: a closure for each answer would be felt.
    function onFinish(this: ServerResponse): void {
      end(this);
    }
    this.routes.beforeExpressRoutes((request, response, next) => {
      if (request.method === 'POST') {
        this.normalizeType(request.headers, response);
        this.watch(response, response);
        response.once('finish', onFinish);
      }
      next();
    });
  }

  private watchFastify(): void {
    const watch: FastifyHook = (request, reply, done) => {
      this.normalizeType(request.raw.headers, reply as FastifyReply);
      this.watch(reply as FastifyReply, reply.raw);
      done();
    };
    // Called also when an earlier hook or middleware has answered.
    const end: FastifyHook = (_, reply, done) => {
      this.end(reply as FastifyReply, reply.raw);
      done();
    };
    this.routes.onFastifyRoute((route) => {
      route.onRequest = [watch, ...[route.onRequest ?? []].flat()];
      route.onResponse = [end, ...[route.onResponse ?? []].flat()];
    });
  }

  /** Gives the parser of the host a type that it knows. */
  private normalizeType(headers: IncomingHttpHeaders, reply: Reply): void {
    if (isNonstandardJsonType(headers) && this.isOurs(reply)) normalizeContentType(headers);
  }

  private watch(reply: Reply, response: ServerResponse): void {
    const connection = connectionOf(response);
    if (!connection) return;
    if (!this.answers.has(connection)) connection.once('close', () => this.endUnfinished(connection));
    this.answers.set(connection, reply);
  }

  /** Ends the watch. Counts an answer of the host, whatever its status: nothing was stored. */
  private end(reply: Reply, response: ServerResponse): void {
    const connection = connectionOf(response);
    // What it holds is not needed while the connection is idle.
    if (connection && this.answers.get(connection) === reply) this.answers.set(connection, undefined);
    const { headersSent, statusCode: status } = response;
    if (headersSent && !this.responder.hasSent(response) && this.isOurs(reply))
      this.instrumentation.announce('refused', { kind: 'host', status, secretProblem: undefined, hasVerdict: false });
  }

  /**
   * Ends the watch of a connection that was closed before the answer. Counts a POST that the host has kept until then,
   * such as by an interceptor that does not call our route: nothing was stored.
   */
  private endUnfinished(connection: EventEmitter): void {
    const reply = this.answers.get(connection);
    this.answers.delete(connection);
    if (!reply || !isHeldByHost(reply) || !hasArrived(nodeResponse(reply).req) || !this.isOurs(reply)) return;
    this.instrumentation.announce('refused', { kind: 'host', status: 0, secretProblem: undefined, hasVerdict: false });
  }

  private closeUnfinished(): void {
    for (const reply of this.answers.values()) {
      if (!reply || !isHeldByHost(reply) || !this.isOurs(reply)) continue;
      const response = nodeResponse(reply);
      const error = response.req.complete
        ? 'The app is shutting down, and a guard, interceptor or middleware of it still holds the POST.'
        : 'The app is shutting down, and the body had not arrived in full.';
      this.instrumentation.announce('unavailable', { error });
      closeOnceAnswered(response.req, response);
      this.responder.sendException(reply, webhookExceptions.unavailable());
    }
  }

  /** Tells whether it answers a POST to our route. Called only when that matters, because it is slow on Express. */
  private isOurs(reply: Reply): boolean {
    if ('raw' in reply) return this.routes.paths.includes(reply.request.routeOptions.url ?? '');
    const { originalUrl = '' } = reply.req as { originalUrl?: string };
    return this.routes.isOurExpressRoute(originalUrl.replace(/\?.*/s, ''));
  }
}

function nodeResponse(reply: Reply): ServerResponse {
  return 'raw' in reply ? reply.raw : reply;
}

/** Tells whether nobody has answered it, and this module is not about to. */
function isHeldByHost(reply: Reply): boolean {
  const request = 'raw' in reply ? reply.request : (reply.req as unknown as WebhookRequest);
  return !nodeResponse(reply).headersSent && !request[IN_MODULE];
}

/** Tells whether all of a request was sent. HTTP/2 calls one complete that was cut off, too. */
function hasArrived(request: IncomingMessage): boolean {
  return request.complete && (request.httpVersionMajor < 2 || request.readableEnded);
}

/** Returns undefined behind an adapter without connections, such as that of a serverless platform. */
function connectionOf(response: ServerResponse): EventEmitter | undefined {
  const { stream = response.req.socket } = response as { stream?: EventEmitter };
  return typeof stream?.once === 'function' ? stream : undefined;
}
