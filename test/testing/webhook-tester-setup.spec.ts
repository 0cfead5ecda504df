import { describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { verificationPayload, webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { freshHost } from '../support/app/fresh-host.js';
import { SECRET, platforms } from '../support/app/webhook-app.js';

@Injectable()
class Fail {
  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  fail(): never {
    throw new Error('The ledger is closed.');
  }
}

@Injectable()
class NeverEnd {
  @OnVerification(VerificationCompleted)
  wait(_: VerificationCompleted, { signal }: { signal: AbortSignal }): Promise<never> {
    return new Promise((__, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  }
}

const host = freshHost('sqlite');

/** Whose secrets they are says the route. */
const resolveSecrets = ({ params }: { params: Readonly<Record<string, string>> }) => ({
  tenant: params.tenant,
  secrets: [SECRET],
});

const late = (situation: RegExp) =>
  expect.objectContaining({
    code: 'INBOX_TIMEOUT',
    message: expect.stringMatching(new RegExp(`^Session "[^"]+" has not finished within 60 ms. ${situation.source}`)),
  });

describe('the app under test', () => {
  it.each(platforms)('need not listen yet, on %s', async (platform) => {
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          ...host.database.options,
          entities: [...cr3dentialsWebhookEntities],
          migrations: [...cr3dentialsWebhookMigrations],
          migrationsRun: true,
        } as TypeOrmModuleOptions),
        Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] } }),
      ],
    }).compile();
    const app = module.createNestApplication(platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter());
    const webhook = webhookTester(app, { secret: SECRET });
    const outcomes = await Promise.all([1, 2].map(() => webhook.deliver(verificationPayload())));
    await app.close();
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['accepted', 'accepted']);
  });

  it('says itself which route and which header it has', async () => {
    const app = await host.start((builder) =>
      builder.withOptions({ path: '/hooks/verified/', auth: { header: 'X-Partner-Key', secrets: [SECRET] } }),
    );
    const webhook = webhookTester(app.nest, { secret: SECRET });
    expect(await webhook.deliver(verificationPayload())).toMatchObject({ verdict: 'accepted' });
  });

  it('needs no secret where nobody is asked for one', async () => {
    const app = await host.start((builder) => builder.withOptions({ auth: 'none' }));
    expect(await webhookTester(app.nest).deliver(verificationPayload())).toMatchObject({ verdict: 'accepted' });
  });

  it('is asked for its route when a global prefix hides it', async () => {
    const app = await host.start((builder) => builder.configured((nest) => void nest.setGlobalPrefix('api')));
    const lost = webhookTester(app.nest, { secret: SECRET });
    await expect(lost.deliver(verificationPayload())).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringMatching(/^POST \/webhook\/cr3dentials answered 404, .*Pass the route as "path"/),
    });
    const webhook = webhookTester(app.nest, { secret: SECRET, path: 'api/webhook/cr3dentials' });
    expect(await webhook.deliver(verificationPayload())).toMatchObject({ verdict: 'accepted' });
  });

  it('is asked for its route when it has parameters, and for the tenant it belongs to', async () => {
    const app = await host.start((builder) =>
      builder.withOptions({ path: 'tenants/:tenant/verified', auth: { resolveSecrets } }),
    );
    expect(() => webhookTester(app.nest, { secret: SECRET })).toThrow(
      'This app has the webhook routes /tenants/:tenant/verified. Pass the route to test as "path", with its parameters filled in.',
    );
    const path = '/tenants/acme/verified';
    const payload = verificationPayload();
    const webhook = webhookTester(app.nest, { secret: SECRET, path, tenant: 'acme' });
    expect((await webhook.deliver(payload)).delivery).toMatchObject({ tenant: 'acme' });
    const forgetful = webhookTester(app.nest, { secret: SECRET, path });
    await expect(forgetful.deliver(verificationPayload())).rejects.toThrow(
      /answered 200 and recorded nothing.*"tenant"/,
    );
  });

  it('must import the module', async () => {
    @Module({})
    class Empty {}
    const app = await NestFactory.create(Empty, { logger: false });
    expect(() => webhookTester(app)).toThrow(
      /does not import Cr3dentialsWebhookModule.*Import the module with forRoot/,
    );
    await app.close();
  });

  it('throws when something else answers the route', async () => {
    const app = await host.start((builder) =>
      builder.configured((nest) => nest.use((_: unknown, response: { end(text: string): void }) => response.end('ok'))),
    );
    const webhook = webhookTester(app.nest, { secret: SECRET });
    await expect(webhook.deliver(verificationPayload())).rejects.toThrow(/answered 200 and recorded nothing/);
    await expect(webhook.deliver('[]')).rejects.toThrow(/answered 200 to an invalid payload/);
  });
});

describe('a delivery that does not settle', () => {
  it('is reported with the handler that failed, and how to make its retries end', async () => {
    const app = await host.start((builder) =>
      builder.withHandlers(Fail).withOptions({ processing: { retry: { initialDelay: 60_000, jitter: 'none' } } }),
    );
    const webhook = webhookTester(app.nest, { secret: SECRET, timeout: 60 });
    const payload = verificationPayload();
    await webhook.deliver(payload);
    await app.delivery(payload.sessionId, 'pending');
    await expect(webhook.deliver(payload, { until: 'finished' })).rejects.toEqual(
      late(
        /It is "pending". Handler "accounts.activate" has failed: Error: The ledger is closed.. It waits for a retry. .* retry: { attempts: 1 }/,
      ),
    );
  });

  it('is reported as being handled', async () => {
    const app = await host.start((builder) =>
      builder.withHandlers(NeverEnd).withOptions({ processing: { drainTimeout: 0 } }),
    );
    const webhook = webhookTester(app.nest, { secret: SECRET, timeout: 60 });
    await expect(webhook.deliver(verificationPayload(), { until: 'finished' })).rejects.toEqual(
      late(/It is "processing". Its handlers are still running/),
    );
  });

  it('is reported as having no worker', async () => {
    const app = await host.start((builder) => builder.withOptions({ processing: { enabled: false } }));
    const webhook = webhookTester(app.nest, { secret: SECRET, timeout: 60 });
    await expect(webhook.deliver(verificationPayload(), { until: 'finished' })).rejects.toEqual(
      late(/It is "pending". No worker has claimed it. Check that the app has a handler/),
    );
  });

  it('is reported as not recorded', async () => {
    const app = await host.start();
    const webhook = webhookTester(app.nest, { secret: SECRET, timeout: 60 });
    await expect(webhook.finished('nobody-has-sent-this')).rejects.toEqual(late(/It is not recorded/));
  });
});
