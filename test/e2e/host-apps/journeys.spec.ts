import {
  ForbiddenException,
  RequestMethod,
  ValidationPipe,
  VersioningType,
  type CallHandler,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { AsyncLocalStorage } from 'node:async_hooks';
import { map } from 'rxjs';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms, type Platform, type WebhookAppBuilder } from '../../support/app/webhook-app.js';
import { until } from '../../support/time/until.js';

const contexts = new AsyncLocalStorage<string>();

/** Fails at first where it is told to, and holds the first delivery of an app until it is aborted. */
class Accounts {
  static isHolding = false;
  static calls: { sessionId: string; attempt: number; context: string | undefined }[] = [];

  @OnVerification({ id: 'accounts.activate' })
  async activate({ sessionId, status }: VerificationEvent, { attempt, signal }: HandlerContext): Promise<void> {
    Accounts.calls.push({ sessionId, attempt, context: contexts.getStore() });
    if (Accounts.isHolding)
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('It has ended.')));
      });
    if (status === 'ERROR' && attempt === 1) throw new Error('The ledger is closed.');
  }
}

const attemptsOf = (sessionId: string) =>
  Accounts.calls.filter((call) => call.sessionId === sessionId).map(({ attempt }) => attempt);

interface Habit {
  readonly on?: Platform;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly build?: (a: WebhookAppBuilder) => WebhookAppBuilder;
  readonly configure?: (app: INestApplication) => unknown;
}

class Refuse implements ExceptionFilter {
  catch(): never {
    throw new ForbiddenException();
  }
}

const habits: Record<string, Habit> = {
  'has no habits': {},
  'keeps raw bodies': { build: (a) => a.withRawBody() },
  'has no body parser': { build: (a) => a.withoutBodyParser() },
  'reads bodies as text': {
    on: 'express',
    build: (a) => a.withoutBodyParser(),
    configure: (app) => (app as NestExpressApplication).useBodyParser('text', { type: '*/*' }),
  },
  'has a global prefix': { path: '/api/webhook/cr3dentials', configure: (app) => app.setGlobalPrefix('api') },
  'excludes routes from its prefix': {
    configure: (app) =>
      app.setGlobalPrefix('api', { exclude: [{ path: 'webhook/cr3dentials', method: RequestMethod.POST }] }),
  },
  'has versions in its paths': {
    configure: (app) => app.enableVersioning({ type: VersioningType.URI }),
  },
  'has a default version in a header': {
    configure: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version', defaultVersion: '1' }),
    headers: { 'x-version': '1' },
  },
  'has global pipes, interceptors and filters': {
    configure(app) {
      app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
      app.useGlobalInterceptors({
        intercept: (_: unknown, next: CallHandler) => next.handle().pipe(map(() => 'mine')),
      });
      app.useGlobalFilters(new Refuse());
    },
  },
  'runs requests in a context': {
    configure: (app) => app.use((_: unknown, __: unknown, next: () => void) => contexts.run('a request', next)),
  },
  'has a path with a parameter': {
    path: '/hooks/north',
    build: (a) => a.withOptions({ path: 'hooks/:region' }),
  },
};

const cases = Object.entries(habits).flatMap(([name, habit]) =>
  platforms.filter((platform) => (habit.on ?? platform) === platform).map((platform) => ({ name, platform, habit })),
);

describe('a host', () => {
  const host = freshHost('sqlite');

  it.each(cases)('receives, handles, retries and shuts down: on $platform, one that $name', async (one) => {
    const { path = '/webhook/cr3dentials', headers = {}, build = (a) => a, configure = () => {} } = one.habit;
    const start = (isHolding: boolean) => {
      Accounts.isHolding = isHolding;
      return host.start((a) =>
        build(a)
          .on(one.platform)
          .withHandlers(Accounts)
          .withOptions({ processing: { drainTimeout: 50, retry: { attempts: 2 } } })
          .configured(configure),
      );
    };
    const [completed, retried, interrupted] = [payload(), payload({ status: 'ERROR' }), payload()];

    const first = await start(false);
    for (const body of [completed, retried, completed])
      expect(await first.post(body, { path, headers })).toMatchObject({ status: 200, body: '{"received":true}' });
    expect(await first.delivery(completed.sessionId, 'completed')).toMatchObject({ duplicates: 1 });
    await first.delivery(retried.sessionId, 'completed');
    expect([completed, retried].map(({ sessionId }) => attemptsOf(String(sessionId)))).toEqual([[1], [1, 2]]);
    expect(await first.post(completed, { path, headers: { ...headers, 'x-api-key': 'wrong' } })).toMatchObject({
      status: 401,
    });
    await host.stop(first);

    const second = await start(true);
    await second.post(interrupted, { path, headers });
    await until('its handler is under way', () => attemptsOf(String(interrupted.sessionId)).length === 1);
    await host.stop(second);

    const third = await start(false);
    await third.delivery(interrupted.sessionId, 'completed');
    expect(attemptsOf(String(interrupted.sessionId))).toEqual([1, 1]); // no attempt was used up
    expect(Accounts.calls.filter(({ context }) => context !== undefined)).toEqual([]);
  });
});
