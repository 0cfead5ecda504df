import { describe, expect, it } from '@jest/globals';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { RememberingLogger } from '../../support/app/log.js';
import { payload } from '../../support/app/payload.js';
import { SECRET, WebhookApp } from '../../support/app/webhook-app.js';

const ROUTE = '/webhook/cr3dentials';
const spellings = [`${ROUTE}/`, '/Webhook/Cr3dentials', `${ROUTE}//`, `/${ROUTE}`];

const statusesOf = (app: WebhookApp) =>
  Promise.all(spellings.map(async (path) => [path, (await app.post(payload(), { path })).status]));

describe('another spelling of the path', () => {
  const host = freshHost('sqlite');

  it('is what Express makes of it: an end slash and the case do not matter', async () => {
    const app = await host.start();
    expect(Object.fromEntries(await statusesOf(app))).toEqual({
      [`${ROUTE}/`]: 200,
      '/Webhook/Cr3dentials': 200,
      [`${ROUTE}//`]: 404,
      [`/${ROUTE}`]: 404,
    });
  });

  it('is what Fastify makes of it: unknown', async () => {
    const app = await host.start((a) => a.on('fastify'));
    expect(Object.fromEntries(await statusesOf(app))).toEqual(Object.fromEntries(spellings.map((path) => [path, 404])));
  });

  it('is known to Fastify by its own options', async () => {
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          ...host.database.options,
          entities: [...cr3dentialsWebhookEntities],
          migrations: [...cr3dentialsWebhookMigrations],
          migrationsRun: true,
        }),
        EventEmitterModule.forRoot(),
        Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] } }),
      ],
    }).compile();
    const options = { routerOptions: { ignoreTrailingSlash: true, caseSensitive: false } };
    const nest = module.createNestApplication(new FastifyAdapter(options), { logger: false });
    await nest.listen(0, '127.0.0.1');
    const app = new WebhookApp(nest, await nest.getUrl(), new RememberingLogger());
    expect(Object.fromEntries(await statusesOf(app))).toMatchObject({
      [`${ROUTE}/`]: 200,
      '/Webhook/Cr3dentials': 200,
    });
    // The answers and the counts are ours there too.
    expect(await app.post('{', { path: `${ROUTE}/` })).toMatchObject({ status: 400 });
    expect((await nest.get(Cr3dentialsWebhookInbox, { strict: false }).stats()).refused.unreadable).toBe(1);
    await app.stop();
  });
});
