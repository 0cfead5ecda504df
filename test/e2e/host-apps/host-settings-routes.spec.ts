import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  Catch,
  HttpException,
  VersioningType,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { HttpAdapterHost, RouterModule, APP_FILTER } from '@nestjs/core';
import { Cr3dentialsWebhookModule } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { said } from '../../support/http/raw-post.js';
import { SECRET, platforms, type WebhookApp, type WebhookAppBuilder } from '../../support/app/webhook-app.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const ACKNOWLEDGED = { status: 200, body: '{"received":true}', type: JSON_TYPE };
const UNREADABLE = {
  status: 400,
  body: '{"statusCode":400,"error":"Bad Request","message":"The body is not a JSON object, or an empty one."}',
  type: JSON_TYPE,
};

const caught: unknown[] = [];

/** Has its own words for everything. */
@Catch()
class CatchAll implements ExceptionFilter {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    caught.push(error);
    const status = error instanceof HttpException ? error.getStatus() : 500;
    this.adapterHost.httpAdapter.reply(host.switchToHttp().getResponse(), { host: 'caught' }, status);
  }
}

type Build = (builder: WebhookAppBuilder) => WebhookAppBuilder;

const configured =
  (configure: (app: INestApplication) => void): Build =>
  (builder) =>
    builder.configured(configure);

describe.each(platforms)('the route of a host on %s', (platform) => {
  const host = freshHost('sqlite');

  beforeEach(() => {
    caught.length = 0;
  });

  it.each<[string, Build, string[], string[]]>([
    ['is the documented one unless it is set', (builder) => builder, ['/webhook/cr3dentials'], ['/webhook', '/']],
    [
      'takes a path of any depth, with slashes around it or without',
      (builder) => builder.withOptions({ path: '/a/b/c/' }),
      ['/a/b/c'],
      ['/webhook/cr3dentials', '/a/b', '/a/b/c/d'],
    ],
    [
      'may be several',
      (builder) => builder.withOptions({ path: ['one', '/two/three'] }),
      ['/one', '/two/three'],
      ['/webhook/cr3dentials', '/three'],
    ],
    [
      'may hold parameters',
      (builder) => builder.withOptions({ path: 'hooks/:tenant/cr3dentials/:environment' }),
      ['/hooks/acme/cr3dentials/live', '/hooks/a%20b/cr3dentials/%C3%A9'],
      ['/hooks/cr3dentials/live', '/hooks/acme/cr3dentials'],
    ],
    [
      'may be a parameter and nothing else',
      (builder) => builder.withOptions({ path: ':tenant' }),
      ['/acme'],
      ['/', '/acme/live'],
    ],
    ['may be the root', (builder) => builder.withOptions({ path: '/' }), ['/'], ['/webhook/cr3dentials']],
    [
      'stands behind the global prefix',
      configured((app) => app.setGlobalPrefix('api/v7')),
      ['/api/v7/webhook/cr3dentials'],
      ['/webhook/cr3dentials', '/api/webhook/cr3dentials'],
    ],
    [
      'stands behind a global prefix with a parameter',
      configured((app) => app.setGlobalPrefix(':region/api')),
      ['/eu/api/webhook/cr3dentials'],
      ['/webhook/cr3dentials'],
    ],
    [
      'stands before the global prefix where it is excluded from it',
      configured((app) => app.setGlobalPrefix('api', { exclude: ['webhook/cr3dentials'] })),
      ['/webhook/cr3dentials'],
      ['/api/webhook/cr3dentials'],
    ],
    [
      'is not moved by a default version',
      configured((app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' })),
      ['/webhook/cr3dentials'],
      ['/v1/webhook/cr3dentials'],
    ],
    [
      'is not moved by a default version behind a prefix',
      configured((app) =>
        app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: ['1', '2'] }),
      ),
      ['/api/webhook/cr3dentials'],
      ['/api/v1/webhook/cr3dentials', '/v1/api/webhook/cr3dentials'],
    ],
    [
      'needs no version header',
      configured((app) =>
        app.enableVersioning({ type: VersioningType.HEADER, header: 'X-Version', defaultVersion: '1' }),
      ),
      ['/webhook/cr3dentials'],
      [],
    ],
    [
      'is moved by the router module',
      (builder) => builder.importing(RouterModule.register([{ path: 'partners', module: Cr3dentialsWebhookModule }])),
      ['/partners/webhook/cr3dentials'],
      ['/webhook/cr3dentials'],
    ],
  ])('%s', async (_, build, ours, others) => {
    const app = await host.start((builder) =>
      build(builder.on(platform).withHandlers({ provide: APP_FILTER, useClass: CatchAll })),
    );
    for (const path of ours) {
      const body = payload();
      expect({ path, ...said(await app.post(body, { path })) }).toEqual({ path, ...ACKNOWLEDGED });
      expect({ path, ...said(await app.post(body, { path: `${path}?a=/b/c` })) }).toEqual({ path, ...ACKNOWLEDGED });
      expect(await app.delivery(body.sessionId, 'pending')).toMatchObject({ duplicates: 1 });
      expect({ path, ...said(await app.post('{"name":"Marie"', { path })) }).toEqual({ path, ...UNREADABLE });
      expect((await app.post(body, { path, headers: { 'x-api-key': 'wrong' } })).status).toBe(401);
    }
    expect(caught).toEqual([]);
    for (const path of others)
      expect({ path, ...(await app.post(payload(), { path })) }).toMatchObject({ path, status: 404 });
    expect(await app.inbox.list()).toHaveLength(ours.length);
  });

  it.each([
    '/webhook/cr3dentials/',
    '/WEBHOOK/Cr3dentials',
    '/%77ebhook/cr3dentials',
    '//webhook/cr3dentials',
    '/webhook/cr3dentials?path=/other',
    '/webhook/cr3dentials#other',
    '/webhook/./cr3dentials',
  ])('gives either all of our answers or none when it is spelled %s', async (path) => {
    const app = await host.start((builder) =>
      builder.on(platform).withHandlers({ provide: APP_FILTER, useClass: CatchAll }),
    );
    const isOurs = (await app.post(payload(), { path })).status === 200;
    caught.length = 0;
    const { body } = await app.post('{"name":"Marie"', { path });
    expect(body === UNREADABLE.body).toBe(isOurs);
    expect(caught).toHaveLength(isOurs ? 0 : 1);
  });

  it('makes one delivery of one session that is sent to several paths', async () => {
    const app = await host.start((builder) => builder.on(platform).withOptions({ path: ['one', 'two'] }));
    const body = payload();
    for (const path of ['/one', '/two']) expect(said(await app.post(body, { path }))).toEqual(ACKNOWLEDGED);
    expect(await app.delivery(body.sessionId, 'pending')).toMatchObject({ duplicates: 1 });
  });

  it('is named at boot', async () => {
    const app = await host.start((builder) => builder.on(platform).withOptions({ path: ['one', 'two/:tenant'] }));
    expect(app.logger.matching(/^LOG POST \/one, \/two\/:tenant \|/)).toHaveLength(1);
    expect(app.logger.lines.filter((line) => line.includes(SECRET))).toEqual([]);
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('leaves %s to the host', async (method) => {
    const app: WebhookApp = await host.start((builder) =>
      builder.on(platform).withHandlers({ provide: APP_FILTER, useClass: CatchAll }),
    );
    const answer = await fetch(`${app.url}/webhook/cr3dentials`, { method, headers: { 'x-api-key': SECRET } });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('{"host":"caught"}');
  });
});
