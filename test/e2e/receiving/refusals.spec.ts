import { describe, expect, it } from '@jest/globals';
import { ForbiddenException, Injectable, type CanActivate, type INestApplication } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { RefusalKind } from 'nestjs-cr3dentials-webhook';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { SlowPost } from '../../support/http/slow-post.js';
import { freshHost, sharedHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms, type WebhookApp } from '../../support/app/webhook-app.js';
import { until } from '../../support/time/until.js';

type Post = (app: WebhookApp) => Promise<{ status: number }>;

/** Authentic but for the 401, and never a delivery. */
const refusals: readonly (readonly [kind: RefusalKind, status: number, post: Post, remedy: RegExp])[] = [
  [
    'too-large',
    413,
    (app) => app.post(payload({ extractedData: { all: 'x'.repeat(2 * 1024 * 1024) } })),
    /^WARN Answered 413 to (\d+) POSTs?: .*raise it: app\.useBodyParser\('json', \{ limit: '1mb' \}\) on Express, "bodyLimit" on Fastify\. /,
  ],
  [
    'media-type',
    415,
    (app) => app.post(payload(), { headers: { 'content-type': 'text/json' } }),
    /^WARN Answered 415 to (\d+) POSTs?: .*Content-Type or Content-Encoding\. /,
  ],
  [
    'unreadable',
    400,
    (app) => app.post('{"sessionId":'),
    /^WARN Answered 400 to (\d+) POSTs?: .*look for a middleware that reads or changes bodies\. /,
  ],
  [
    'unauthorized',
    401,
    (app) => app.post(payload(), { headers: { 'x-api-key': 'wrong' } }),
    /^WARN Answered 401 to (\d+) POSTs?: .*compare it with the one in its portal\. /,
  ],
  [
    'invalid',
    400,
    (app) => app.post(payload({ platformId: Math.random().toString() })),
    /^WARN (\d+) authentic POSTs? kept as rejections \(invalid\)\. /,
  ],
];

describe.each(platforms)('a POST that is refused, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) => a.on(platform));

  it.each(refusals)(
    'is counted as %s, and logged with the remedy: at once, and then once a second',
    async (kind, status, post, remedy) => {
      const counted = (await host.app.inbox.stats()).refused;
      const logged = host.app.logger.matching(remedy).length;
      const counts = () =>
        host.app.logger
          .matching(remedy)
          .slice(logged)
          .map((line) => Number(remedy.exec(line)?.[1]));
      for (let n = 0; n < 4; n++) expect((await post(host.app)).status).toBe(status);
      expect((await host.app.inbox.stats()).refused).toEqual({ ...counted, [kind]: counted[kind] + 4 });
      await until('all are told', () => counts().reduce((sum, count) => sum + count, 0) === 4);
      expect(counts()[0]).toBe(1);
      expect(counts().length).toBeLessThan(4);
    },
  );

  it('is not counted when it is for another route', async () => {
    const { refused } = await host.app.inbox.stats();
    expect((await host.app.post(payload(), { path: '/webhook/others' })).status).toBe(404);
    expect((await fetch(`${host.app.url}/webhook/cr3dentials`)).status).toBe(404);
    expect((await host.app.inbox.stats()).refused).toEqual(refused);
  });

  it('is not counted when its sender leaves before it has sent everything', async () => {
    const { refused } = await host.app.inbox.stats();
    const post = await SlowPost.to(host.app.url, JSON.stringify(payload()));
    const arrival = once(host.app.nest.getHttpServer() as Server, 'request') as Promise<[unknown, ServerResponse]>;
    post.sendUpTo('its body', 5);
    const [, response] = await arrival;
    post.leave();
    await until('the app has noticed', () => response.closed);
    expect((await host.app.post(payload())).status).toBe(200);
    expect((await host.app.inbox.stats()).refused).toEqual(refused);
  });

  it('is not counted when it is answered 200', async () => {
    const { refused } = await host.app.inbox.stats();
    const body = payload();
    for (const sent of [body, body, { ...body, status: 'ERROR' }, payload({ status: 'ARCHIVED' })])
      expect((await host.app.post(sent)).status).toBe(200);
    expect((await host.app.inbox.stats()).refused).toEqual(refused);
  });
});

describe.each(platforms)('a POST whose path cannot be decoded, on %s', (platform) => {
  const host = freshHost('sqlite');

  it('harms nobody', async () => {
    const app = await host.start((builder) => builder.on(platform).withOptions({ path: 'hooks/:tenant' }));
    expect((await app.post(payload(), { path: '/hooks/%E0%A4%A' })).status).toBe(400);
    expect((await app.post(payload(), { path: '/hooks/north' })).status).toBe(200);
  });
});

@Injectable()
class RefuseEverybody implements CanActivate {
  canActivate(): never {
    throw new ForbiddenException();
  }
}

const acknowledge = (_: IncomingMessage, response: ServerResponse) => response.end('thank you');
const slowDown = (_: IncomingMessage, response: ServerResponse) => response.writeHead(429).end('slow down');

describe.each(platforms)('a POST that the host refuses before our route is reached, on %s', (platform) => {
  const host = freshHost('sqlite');

  it.each<[string, number, (app: INestApplication) => void]>([
    ['a guard', 403, () => {}],
    ['a middleware', 429, (app) => app.use(slowDown)],
    ['a middleware that acknowledges', 200, (app) => app.use(acknowledge)],
    ['a middleware on a part of the path', 429, (app) => app.use('/hooks/webhook', slowDown)],
  ])('is counted and logged: by %s', async (_, status, configure) => {
    const app = await host.start((builder) =>
      builder
        .on(platform)
        .withHandlers(...(status === 403 ? [{ provide: APP_GUARD, useClass: RefuseEverybody }] : []))
        .configured((nest) => {
          nest.setGlobalPrefix('hooks');
          configure(nest);
        }),
    );
    expect((await app.post(payload(), { path: '/hooks/webhook/cr3dentials?x=1' })).status).toBe(status);
    await until('it is counted', async () => (await app.inbox.stats()).refused.host === 1);
    expect(
      app.logger.matching(new RegExp(`^WARN Something else in this app answered ${status} to 1 POST\\.`)),
    ).toHaveLength(1);
  });
});
