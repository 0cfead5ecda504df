import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  Body,
  Catch,
  ConflictException,
  Controller,
  Get,
  HttpCode,
  Post,
  Put,
  ServiceUnavailableException,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import { freshHost } from '../../support/app/fresh-host.js';
import { notJson, PERSON, tooLarge, unreadable } from '../../support/http/odd-bodies.js';
import { payload } from '../../support/app/payload.js';
import { rawPost, said } from '../../support/http/raw-post.js';
import { platforms, type WebhookAppBuilder } from '../../support/app/webhook-app.js';

const HOSTS_ANSWER = { status: 500, body: '{"host":"something went wrong"}' };

const caught: unknown[] = [];

@Catch()
class AnswerFiveHundred implements ExceptionFilter {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    caught.push(error);
    const { httpAdapter } = this.adapterHost;
    httpAdapter.reply(host.switchToHttp().getResponse(), { host: 'something went wrong' }, 500);
  }
}

/** Routes of the host's own: beside ours, above it, below it, and behind other words. */
@Controller()
class Others {
  @Post(['others', 'webhook', 'webhook/cr3dentials/replay', 'webhook/cr3dentials/a/b', 'my-webhook/cr3dentials'])
  @HttpCode(200)
  receive(@Body() body: unknown): unknown {
    return { hostReceived: body };
  }

  @Put('webhook/cr3dentials')
  replace(@Body() body: unknown): unknown {
    return { hostReceived: body };
  }

  @Get(['others', 'webhook/cr3dentials'])
  fail(): never {
    throw new ConflictException('of the host');
  }
}

const OTHERS = [
  '/others',
  '/webhook',
  '/webhook/cr3dentials/replay',
  '/webhook/cr3dentials/a/b',
  '/my-webhook/cr3dentials',
];

describe.each(platforms)('a host on %s with a filter that answers 500 to every error', (platform) => {
  const host = freshHost('sqlite');

  beforeEach(() => {
    caught.length = 0;
  });

  describe.each<[string, (builder: WebhookAppBuilder) => WebhookAppBuilder]>([
    ['by a provider', (builder) => builder.withHandlers({ provide: APP_FILTER, useClass: AnswerFiveHundred })],
    ['by a setting', (builder) => builder.configured(useFilter)],
  ])('registered %s', (_, build) => {
    it('answers 400, 413 and 415 to an unreadable body, and the filter sees none of it', async () => {
      const app = await host.start((builder) => build(builder.on(platform)));
      const answers = [];
      for (const [name, post] of [...unreadable, ...notJson, ...tooLarge]) {
        answers.push([name, (await rawPost(app.url, post)).status]);
      }
      expect(answers).toEqual([
        ...unreadable.map(([name]) => [name, 400]),
        ...notJson.map(([name]) => [name, 415]),
        ...tooLarge.map(([name]) => [name, 413]),
      ]);
      expect(caught).toEqual([]);
    });

    it('answers 401, 400 and 503 on our route, and the filter sees none of it', async () => {
      const app = await host.start((builder) => build(builder.on(platform)));
      expect((await app.post(payload(), { headers: { 'x-api-key': 'wrong' } })).status).toBe(401);
      expect((await app.post(payload({ platformId: PERSON }))).status).toBe(400);
      const beside = await host.database.connect();
      await beside.query('ALTER TABLE cr3dentials_webhook_delivery RENAME TO missing');
      const unavailable = await app.post(payload());
      await beside.query('ALTER TABLE missing RENAME TO cr3dentials_webhook_delivery');
      expect(unavailable).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
      expect(caught).toEqual([]);
    });

    it('answers 503 when the secret resolver fails, and the filter sees none of it', async () => {
      const app = await host.start((builder) =>
        build(builder.on(platform).withOptions({ auth: { resolveSecrets: noConnection } })),
      );
      expect(await app.post(payload())).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
      expect(caught).toEqual([]);
    });

    it('answers 500 to errors of its own routes, and to an unknown route', async () => {
      const app = await host.start((builder) => build(builder.on(platform).withControllers(Others)));
      for (const path of ['/others', '/webhook/cr3dentials', '/nowhere']) {
        const answer = await fetch(app.url + path);
        expect([path, answer.status, await answer.text()]).toEqual([path, HOSTS_ANSWER.status, HOSTS_ANSWER.body]);
      }
      expect(caught).toMatchObject([{ message: 'of the host' }, { message: 'of the host' }, { status: 404 }]);
    });

    it('answers 500 to an unreadable body with another method on our path', async () => {
      const app = await host.start((builder) => build(builder.on(platform).withControllers(Others)));
      const path = '/webhook/cr3dentials';
      for (const [content, answer] of [
        ['{"a":1}', { status: 200, body: '{"hostReceived":{"a":1}}' }],
        ['{"a":', HOSTS_ANSWER],
      ] as const) {
        expect(await rawPost(app.url, { content, path, method: 'PUT' })).toMatchObject(answer);
      }
      expect(caught).toHaveLength(1);
    });

    it.each(OTHERS)('answers 500 to an unreadable body at %s, a route of its own', async (path) => {
      const app = await host.start((builder) => build(builder.on(platform).withControllers(Others)));
      expect(await app.post({ a: 1 }, { path })).toMatchObject({ status: 200, body: '{"hostReceived":{"a":1}}' });
      expect(await app.post('{"a":', { path })).toMatchObject(HOSTS_ANSWER);
      expect(await app.post({ all: 'x'.repeat(2_000_000) }, { path })).toMatchObject(HOSTS_ANSWER);
      expect(caught).toHaveLength(2);
    });
  });
});

describe('a host on express that breaks its own body parser', () => {
  const host = freshHost('sqlite');

  it('answers with its own error instead of blaming the sender', async () => {
    caught.length = 0;
    const app = await host.start((builder) =>
      builder.withHandlers({ provide: APP_FILTER, useClass: AnswerFiveHundred }).configured((nest) =>
        nest.use((request: IncomingMessage, _: unknown, next: () => void) => {
          request.setEncoding('utf8'); // the parser wants bytes
          next();
        }),
      ),
    );
    expect(await app.post(payload())).toMatchObject(HOSTS_ANSWER);
    expect(caught).toMatchObject([{ status: 500, type: 'stream.encoding.set' }]);
  });
});

describe.each(platforms)('a host on %s with routes of its own', (platform) => {
  const host = freshHost('sqlite');

  it.each([
    ['webhook/cr3dentials', OTHERS],
    ['/', OTHERS],
    [':tenant', OTHERS.filter((route) => route.lastIndexOf('/') > 0)],
    ['cr3dentials', OTHERS],
  ])('keeps its own answers on them when our route is “%s”', async (path, routes) => {
    const alone = await host.start((builder) =>
      builder.on(platform).withControllers(Others).withOptions({ path: 'somewhere/else/entirely' }),
    );
    const beside = await host.start((builder) => builder.on(platform).withControllers(Others).withOptions({ path }));
    for (const route of routes) {
      for (const body of ['{"a":', `{"name":"${PERSON}"} x`, '"x', '']) {
        const [expected, answer] = await Promise.all([alone, beside].map((app) => app.post(body, { path: route })));
        expect([route, body, answer && said(answer)]).toEqual([route, body, expected && said(expected)]);
      }
    }
  });
});

/** Routes of the host's own that are shorter than ours, and end in the same words. */
@Controller()
class Shorter {
  @Post(['x', 'x/:tenant', 'x/webhook/cr3dentials'])
  @HttpCode(200)
  receive(@Body() body: unknown): unknown {
    return { hostReceived: body };
  }
}

describe.each(platforms)('a host on %s that excludes its own routes from the global prefix', (platform) => {
  const host = freshHost('sqlite');

  it.each([
    ['/', '/partners/api', '/x'],
    [':tenant', '/partners/api/acme', '/x/acme'],
    ['webhook/cr3dentials', '/partners/api/webhook/cr3dentials', '/x/webhook/cr3dentials'],
  ])('keeps its own answers on them when our route is “%s”', async (path, ours, hosts) => {
    caught.length = 0;
    const exclude = ['x', 'x/:tenant', 'x/webhook/cr3dentials'];
    const app = await host.start((builder) =>
      builder
        .on(platform)
        .withControllers(Shorter)
        .withHandlers({ provide: APP_FILTER, useClass: AnswerFiveHundred })
        .configured((nest) => nest.setGlobalPrefix('partners/api', { exclude }))
        .withOptions({ path }),
    );
    expect(await app.post(payload(), { path: ours })).toMatchObject({ status: 200, body: '{"received":true}' });
    expect(await app.post({ a: 1 }, { path: hosts })).toMatchObject({ status: 200, body: '{"hostReceived":{"a":1}}' });
    expect(await app.post('{"a":', { path: ours })).toMatchObject({ status: 400 });
    expect(caught).toEqual([]);
    expect(await app.post('{"a":', { path: hosts })).toMatchObject(HOSTS_ANSWER);
    expect(caught).toHaveLength(1);
  });
});

describe.each(platforms)('a host on %s with a middleware that throws', (platform) => {
  const host = freshHost('sqlite');

  it.each<[string, Error, string]>([
    ['what is JSON', new ConflictException('of the host'), 'application/json'],
    ['what is JSON, by accident', new Error('of the host'), 'application/json'],
    ['what is not JSON, by accident', new Error('of the host'), 'text/plain'],
    ['what is not JSON, for now', new ServiceUnavailableException('of the host'), 'text/plain'],
  ])('gives its own answer on our route too: %s', async (_, error, type) => {
    caught.length = 0;
    const app = await host.start((builder) =>
      builder
        .on(platform)
        .withHandlers({ provide: APP_FILTER, useClass: AnswerFiveHundred })
        .configured((nest) => nest.use((...args: [unknown, unknown, (error: Error) => void]) => args[2](error))),
    );
    expect(await app.post(payload(), { headers: { 'content-type': type } })).toMatchObject(HOSTS_ANSWER);
    expect(caught).toMatchObject([{ message: 'of the host' }]);
  });
});

function noConnection(): Promise<never> {
  return Promise.reject(new Error('no connection'));
}

function useFilter(app: INestApplication): void {
  app.useGlobalFilters(new AnswerFiveHundred(app.get(HttpAdapterHost)));
}
