import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { createRequire } from 'node:module';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { freshHost, sharedHost } from '../../support/app/fresh-host.js';
import { notJson, readable, tooLarge, unreadable } from '../../support/http/odd-bodies.js';
import { payload } from '../../support/app/payload.js';
import { rawPost } from '../../support/http/raw-post.js';
import { SlowPost } from '../../support/http/slow-post.js';
import { platforms, type WebhookApp } from '../../support/app/webhook-app.js';
import { until } from '../../support/time/until.js';

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
type Parser = (options?: object) => Middleware;
const express = createRequire(import.meta.url)('express') as Record<'json' | 'raw' | 'text' | 'urlencoded', Parser>;

describe.each(platforms)('a host without a body parser, on %s', (platform) => {
  const ackTimeout = 1_000;
  const host = sharedHost('sqlite', (a) =>
    a.on(platform).withoutBodyParser().withOptions({ receiving: { ackTimeout } }),
  );

  it('stores a delivery', async () => {
    const { sessionId } = payload();
    const text = `{"sessionId": "${String(sessionId)}", "status": "COMPLETED", "platformId": 1, "extractedData": {"n": 7.50}}`;
    expect((await host.app.post(text)).status).toBe(200);
    const { rawBody } = await host.app.delivery(sessionId, 'pending');
    expect(JSON.parse(String(rawBody))).toEqual(JSON.parse(text));
  });

  it('answers every odd request as a host with a parser does', async () => {
    const expected = [
      ...unreadable.map(([name]) => [name, 400]),
      ...notJson.map(([name]) => [name, 415]),
      ...tooLarge.map(([name]) => [name, 413]),
    ];
    const answers = [];
    for (const [name, post] of [...unreadable, ...notJson, ...tooLarge])
      answers.push([name, (await rawPost(host.app.url, post)).status]);
    expect(answers).toEqual(expected);
    for (const [name, post] of readable)
      expect([name, [200, 400]]).toEqual([name, expect.arrayContaining([(await rawPost(host.app.url, post)).status])]);
  });

  it('answers 401 to a POST without the secret, and counts it', async () => {
    const { unauthorized } = (await host.app.inbox.stats()).refused;
    expect((await host.app.post(payload(), { headers: { 'x-api-key': 'wrong' } })).status).toBe(401);
    expect((await host.app.inbox.stats()).refused.unauthorized).toBe(unauthorized + 1);
  });
});

describe('a host without a body parser, on express', () => {
  const ackTimeout = 500;
  const host = sharedHost('sqlite', (a) => a.withoutBodyParser().withOptions({ receiving: { ackTimeout } }));

  it('accepts a body of up to 1 MiB', async () => {
    const body = payload({ extractedData: { all: 'x'.repeat(1024 * 1024 - 1_000) } });
    expect((await host.app.post(body)).status).toBe(200);
    await host.app.delivery(body.sessionId, 'pending');
  });

  it('answers 503 to a body that does not arrive within ackTimeout, and closes its connection', async () => {
    const post = await SlowPost.to(host.app.url, JSON.stringify(payload()));
    post.sendUpTo('its body', 5);
    await until('its connection is closed', () => !post.isOpen, 5_000);
    expect(post.answer).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 5\r\n/i);
    expect(host.app.logger.matching(/^ERROR Answered 503 .*Reading the body timed out after 500 ms\./)).toHaveLength(1);
  });

  it('stores nothing of a sender that leaves in the middle of its body', async () => {
    const before = (await host.app.inbox.list()).length;
    const post = await SlowPost.to(host.app.url, JSON.stringify(payload()));
    post.sendUpTo('its body', 5);
    post.leave();
    const body = payload();
    expect((await host.app.post(body)).status).toBe(200);
    await host.app.delivery(body.sessionId, 'pending');
    expect(await host.app.inbox.list()).toHaveLength(before + 1);
  });
});

/** Reads the body and keeps it to itself. */
function swallow(request: IncomingMessage, _: ServerResponse, next: () => void): void {
  request.resume().on('end', next);
}

/** Reads the body, and leaves it in `rawBody` alone. */
function keepRaw(as: (body: Buffer) => unknown): Middleware {
  return (request, _, next) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      Object.assign(request, { rawBody: as(Buffer.concat(chunks)) });
      next();
    });
  };
}

/** Makes the body arrive as text of this encoding. */
function decodeAs(encoding: BufferEncoding): Middleware {
  return (request, _, next) => {
    request.setEncoding(encoding);
    next();
  };
}

const parsers: readonly (readonly [string, (app: INestApplication) => void])[] = [
  ['text', (app) => app.use(express.text({ type: '*/*' }))],
  ['bytes', (app) => app.use(express.raw({ type: '*/*' }))],
  ['forms only', (app) => app.use(express.urlencoded({ extended: true }))],
  ['JSON on another path only', (app) => app.use('/others', express.json())],
  ['JSON', (app) => app.use(express.json())],
  ['none, of a body that is read as text', (app) => app.use(decodeAs('utf8'))],
  ['none, of a body that is read as base64', (app) => app.use(decodeAs('base64'))],
  ['rawBody alone, as bytes', (app) => app.use(keepRaw((bytes) => bytes))],
  ['rawBody alone, as text', (app) => app.use(keepRaw(String))],
];

const STORED = { status: 200, isWhole: true, twiceEncoded: 400 };

describe('a host with parsers of its own, on express', () => {
  const host = freshHost('sqlite');

  it.each(parsers)('stores every delivery: %s', async (_, use) => {
    const app = await host.start((builder) => builder.withoutBodyParser().configured(use));
    expect(await outcomes(app)).toEqual(STORED);
  });

  it('answers 400 and names the remedy when a middleware has read the body and left none', async () => {
    const app = await host.start((builder) => builder.withoutBodyParser().configured((nest) => nest.use(swallow)));
    expect((await app.post(payload())).status).toBe(400);
    expect((await app.inbox.stats()).refused.unreadable).toBe(1);
    expect(
      app.logger.matching(/^WARN Answered 400 .*look for a middleware that reads or changes bodies\./),
    ).toHaveLength(1);
  });
});

describe('a host with parsers of its own, on fastify', () => {
  const host = freshHost('sqlite');

  it.each<[string, 'string' | 'buffer' | undefined]>([
    ['text', 'string'],
    ['bytes', 'buffer'],
    ['none at all', undefined],
  ])('stores every delivery: %s', async (_, parseAs) => {
    const app = await host.start((builder) =>
      builder
        .on('fastify')
        .withoutBodyParser()
        .configured((nest) => {
          const fastify = nest.getHttpAdapter().getInstance() as FastifyInstance;
          fastify.removeAllContentTypeParsers();
          if (parseAs)
            fastify.addContentTypeParser('application/json', { parseAs }, (__, body, done) => done(null, body));
        }),
    );
    expect(await outcomes(app)).toEqual(STORED);
  });
});

/** What becomes of a delivery, and of one that is JSON in a JSON string. */
async function outcomes(app: WebhookApp) {
  const body = payload({ extractedData: { name: 'Łódź 😀' } });
  const { status } = await app.post(body);
  const delivery = await app.inbox.find({ sessionId: String(body.sessionId) });
  const isWhole = delivery?.rawBody === JSON.stringify(body);
  return { status, isWhole, twiceEncoded: (await app.post(JSON.stringify(JSON.stringify(body)))).status };
}
