import { describe, expect, it } from '@jest/globals';
import {
  BadGatewayException,
  GatewayTimeoutException,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { catchError, map, of, throwError, timeout, type Observable } from 'rxjs';
import { freshHost } from '../../support/app/fresh-host.js';
import { holdInbox } from '../../support/database/held-inbox.js';
import { payload } from '../../support/app/payload.js';
import { said } from '../../support/http/raw-post.js';
import { platforms, type WebhookApp } from '../../support/app/webhook-app.js';

const ACKNOWLEDGED = { status: 200, body: '{"received":true}', type: 'application/json; charset=utf-8' };

class Wrap implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

class ChangeErrors implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError(() => throwError(() => new BadGatewayException())));
  }
}

class LosePatience implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(timeout({ first: 200, with: () => throwError(() => new GatewayTimeoutException()) }));
  }
}

class SwallowErrors implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError(() => of({ ok: false })));
  }
}

describe.each(platforms)('a host on %s with a global interceptor', (platform) => {
  const host = freshHost('sqlite');
  let app: WebhookApp;

  async function start(useClass: new () => NestInterceptor): Promise<void> {
    app = await host.start((builder) => builder.on(platform).withHandlers({ provide: APP_INTERCEPTOR, useClass }));
  }

  const interceptors: [string, new () => NestInterceptor][] = [
    ['that wraps answers', Wrap],
    ['that changes errors', ChangeErrors],
    ['that swallows errors', SwallowErrors],
  ];

  it.each(interceptors)('%s answers 200 to a stored delivery', async (_, interceptor) => {
    await start(interceptor);
    expect(said(await app.post(payload()))).toEqual(ACKNOWLEDGED);
  });

  it.each(interceptors)('%s answers 401 to a wrong secret and 4xx to an unreadable body', async (_, interceptor) => {
    await start(interceptor);
    expect((await app.post(payload(), { headers: { 'x-api-key': 'wrong' } })).status).toBe(401);
    expect((await app.post('{')).status).toBe(400);
    expect((await app.post('null')).status).toBe(400);
    expect((await app.post(payload(), { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await app.post(payload({ extractedData: { all: 'x'.repeat(2_000_000) } }))).status).toBe(413);
  });

  it.each(interceptors)('%s answers 400 to an invalid payload', async (_, interceptor) => {
    await start(interceptor);
    expect((await app.post(payload({ platformId: null }))).status).toBe(400);
  });

  it.each(interceptors)('%s answers 503 to a delivery that cannot be stored', async (_, interceptor) => {
    await start(interceptor);
    const beside = await host.database.connect();
    await beside.query('ALTER TABLE cr3dentials_webhook_delivery RENAME TO missing');
    const answer = await app.post(payload());
    await beside.query('ALTER TABLE missing RENAME TO cr3dentials_webhook_delivery');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
  });

  it('that times out has answered already when the delivery is stored', async () => {
    await start(LosePatience);
    const unlock = await holdInbox(host.database, await host.database.connect());
    const body = payload();
    const { status } = await app.post(body);
    await unlock();
    await app.delivery(body.sessionId, 'pending');

    expect(status).toBe(504);
    expect(app.logger.matching(/headers|ERR_/i)).toEqual([]);
  });
});

describe.each(platforms)('a host on %s with a middleware that times out', (platform) => {
  const host = freshHost('sqlite');

  it('has answered already when the delivery is stored', async () => {
    const app = await host.start((builder) => builder.on(platform).configured((nest) => nest.use(losePatience)));
    const unlock = await holdInbox(host.database, await host.database.connect());
    const body = payload();
    const { status } = await app.post(body);
    await unlock();
    await app.delivery(body.sessionId, 'pending');
    expect((await app.post(payload())).status).toBe(200); // by now, whatever the late answer came to has been logged

    expect(status).toBe(504);
    expect(
      app.logger.matching(/^(ERROR|WARN) (?!.*(SIGTERM|No handler|Something else in this app answered 504))/),
    ).toEqual([]);
  });
});

function losePatience(_: IncomingMessage, response: ServerResponse, next: () => void): void {
  const timer = setTimeout(() => {
    response.statusCode = 504;
    response.end();
  }, 200);
  response.on('close', () => clearTimeout(timer));
  next();
}
