import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, Writable } from 'node:stream';
import type { Socket } from 'node:net';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { SECRET, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** As adapters of serverless platforms make a request: `headers` only, and a socket that is none. */
function requestOf(body: string, headers: Record<string, string>, socket: object): IncomingMessage {
  const request = new IncomingMessage(socket as Socket);
  const length = String(Buffer.byteLength(body));
  Object.assign(request, {
    method: 'POST',
    url: '/webhook/cr3dentials',
    headers: { 'content-type': 'application/json', 'content-length': length, ...headers },
    httpVersion: '1.1',
    complete: true,
    body: Buffer.from(body),
    _read() {
      request.push(body);
      request.push(null);
    },
  });
  return request;
}

/** Posts without a server, and resolves to the status. */
function call(handler: Handler, body: unknown, headers: Record<string, string>, socket: object): Promise<number> {
  const request = requestOf(JSON.stringify(body), headers, socket);
  const response = new ServerResponse(request);
  response.assignSocket(new Writable({ write: (_, __, done) => done() }) as unknown as Socket);
  return new Promise((resolve) => {
    response.once('finish', () => resolve(response.statusCode));
    handler(request, response);
  });
}

const right = { 'x-api-key': SECRET };

describe('an app that an adapter calls without a server', () => {
  let database: TestDatabase;
  let app: WebhookApp;

  beforeAll(async () => {
    database = await freshDatabase('sqlite');
    app = await webhookApp(database).withHandlers(RememberEvents).start();
  });

  afterAll(async () => {
    await app.stop();
    await database.drop();
  });

  it.each([
    ['a stream for a socket', () => new PassThrough()],
    ['no stream for a socket', () => ({ encrypted: true, readable: false, destroy() {}, end() {} })],
  ])('answers as a server does: %s', async (_, socketOf) => {
    const handler = app.nest.getHttpAdapter().getInstance() as Handler;
    const body = payload();
    expect(await call(handler, body, right, socketOf())).toBe(200);
    expect(await call(handler, body, { 'x-api-key': `${SECRET}, ${SECRET}` }, socketOf())).toBe(401);
    expect(await call(handler, body, {}, socketOf())).toBe(401);
    expect(await call(handler, { status: 1 }, right, socketOf())).toBe(400);
    await app.delivery(body.sessionId, 'completed');
    expect(app.nest.get(RememberEvents).of(body.sessionId)).toHaveLength(1);
  });
});
