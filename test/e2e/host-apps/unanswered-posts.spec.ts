import { describe, expect, it } from '@jest/globals';
import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { ResolvedSecrets } from 'nestjs-cr3dentials-webhook';
import { from, mergeMap, NEVER, of, type Observable } from 'rxjs';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { holdInbox } from '../../support/database/held-inbox.js';
import { SlowPost } from '../../support/http/slow-post.js';
import { until } from '../../support/time/until.js';
import { platforms, SECRET, type WebhookApp } from '../../support/app/webhook-app.js';

const WARNING =
  /^WARN Something else in this app left 1 POST without an answer until the sender gave up, .* each interceptor must return next\.handle\(\) for it\./;

/** Whatever stands between the sender and our route, and how often it was reached. */
class Hindrance {
  calls = 0;

  constructor(private readonly hinder: (next: CallHandler) => Observable<unknown>) {}

  get interceptor(): NestInterceptor {
    return {
      intercept: (_: ExecutionContext, next) => {
        this.calls++;
        return this.hinder(next);
      },
    };
  }

  get guard(): CanActivate {
    return {
      canActivate: () => {
        this.calls++;
        return new Promise<boolean>(() => {});
      },
    };
  }
}

async function sent(app: WebhookApp, body = payload()): Promise<SlowPost> {
  const post = await SlowPost.to(app.url, JSON.stringify(body));
  post.finish();
  return post;
}

describe.each(platforms)('a POST that the host keeps from our route, on %s', (platform) => {
  const host = freshHost('sqlite');

  it.each<[string, string, Hindrance]>([
    ['an interceptor that answers in place of the route', APP_INTERCEPTOR, new Hindrance(() => of({ cached: true }))],
    ['an interceptor that hangs', APP_INTERCEPTOR, new Hindrance(() => NEVER)],
    ['a guard that hangs', APP_GUARD, new Hindrance(() => NEVER)],
  ])('is counted and logged when its sender has left: by %s', async (_, provide, hindrance) => {
    const useValue = provide === APP_GUARD ? hindrance.guard : hindrance.interceptor;
    const app = await host.start((a) => a.on(platform).withHandlers({ provide, useValue }));
    const post = await sent(app);
    await until('it is hindered', () => hindrance.calls > 0);
    expect((await app.send('', {}, '/nothing')).status).toBe(404); // a whole round trip later
    expect(post.answer).toBe('');
    expect((await app.inbox.stats()).refused.host).toBe(0);
    post.leave();

    await until('it is counted', async () => (await app.inbox.stats()).refused.host > 0);
    expect((await app.inbox.stats()).refused.host).toBe(1);
    expect(app.logger.matching(WARNING)).toHaveLength(1);
    expect(await app.inbox.list()).toEqual([]);
  });

  it('is answered 503 at a shutdown, which ends', async () => {
    const hindrance = new Hindrance(() => NEVER);
    const app = await host.start((a) =>
      a
        .on(platform)
        .withHandlers({ provide: APP_INTERCEPTOR, useValue: hindrance.interceptor })
        .withOptions({ processing: { drainTimeout: 300 } }),
    );
    const post = await sent(app);
    await until('it is hindered', () => hindrance.calls > 0);
    const start = performance.now();
    await host.stop(app);
    expect(performance.now() - start).toBeLessThan(4_000);
    await until('its connection has ended', () => !post.isOpen);
    expect(post.answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(
      app.logger.matching(/^ERROR .* a guard, interceptor or middleware of it still holds the POST\./),
    ).toHaveLength(1);
  });
});

describe.each(platforms)('a POST whose sender leaves, on %s', (platform) => {
  const host = freshHost('sqlite');

  it('is no fault of the host while the database writes it', async () => {
    const passed = new Hindrance((next) => next.handle());
    const app = await host.start((a) =>
      a.on(platform).withHandlers({ provide: APP_INTERCEPTOR, useValue: passed.interceptor }),
    );
    const unlock = await holdInbox(host.database, await host.database.connect());
    const body = payload();
    const post = await sent(app, body);
    await until('it is intercepted', () => passed.calls > 0);
    await leave(app, post);
    await unlock();
    await app.delivery(body.sessionId, 'pending');
    expect((await app.inbox.stats()).refused.host).toBe(0);
  });

  it('is no fault of the host while its secrets are resolved, and one after that', async () => {
    const [secrets, answer] = [new Gate(), new Gate()];
    const late = new Hindrance((next) => from(answer.pass()).pipe(mergeMap(() => next.handle())));
    const resolveSecrets = async (): Promise<ResolvedSecrets> => {
      await secrets.pass();
      return { secrets: [SECRET] };
    };
    const app = await host.start((a) =>
      a
        .on(platform)
        .withHandlers({ provide: APP_INTERCEPTOR, useValue: late.interceptor })
        .withOptions({ auth: { resolveSecrets } }),
    );
    const posts = [await sent(app), await sent(app)];
    await until('both are resolved', () => secrets.arrivals === 2);
    await leave(app, posts[0]);
    secrets.open();
    await until('both are intercepted', () => late.calls === 2);
    expect((await app.inbox.stats()).refused.host).toBe(0);
    posts[1]?.leave();
    await until('it is counted', async () => (await app.inbox.stats()).refused.host === 1);
    answer.open();
  });

  it('is no fault of the host in the middle of its body', async () => {
    const app = await host.start((a) => a.on(platform));
    const post = await SlowPost.to(app.url, JSON.stringify(payload()));
    post.sendUpTo('its body', 5);
    await leave(app, post);
    expect((await app.inbox.stats()).refused.host).toBe(0);
  });
});

/** Awaits that the app has heard of it. */
async function leave(app: WebhookApp, post: SlowPost | undefined): Promise<void> {
  post?.leave();
  await until('the app has heard of it', () => !post?.isOpen);
  for (let trips = 0; trips < 3; trips++) expect((await app.send('', {}, '/nothing')).status).toBe(404);
}
