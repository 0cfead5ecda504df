import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Post } from '@nestjs/common';
import { Cr3dentialsWebhookModule } from 'nestjs-cr3dentials-webhook';
import { webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { RememberEvents } from '../../support/app/doubles.js';
import { testEncryption } from '../../support/app/test-encryption.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { databases } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { platforms, SECRET, type WebhookApp } from '../../support/app/webhook-app.js';

const WORK_ONLY = { receive: false } as const;

/** A route of the host with the same path as ours has elsewhere. */
@Controller('webhook/cr3dentials')
class HostsOwn {
  @Post()
  post(@Body() body: unknown): { own: unknown } {
    return { own: body };
  }
}

/** What the module itself has written at boot. */
const linesOf = (app: WebhookApp) => app.logger.matching(/^(LOG|WARN) .* Cr3dentialsWebhook$/);

describe.each(databases)('a web app and a worker app on one inbox, on %s', (kind) => {
  const host = freshHost(kind);

  it.each(platforms)('share the work: one receives, the other runs the handlers, with %s', async (platform) => {
    const web = await host.start((a) => a.on(platform).withHandlers(RememberEvents).withOptions(RECEIVE_ONLY));
    const worker = await host.start((a) => a.on(platform).withHandlers(RememberEvents).withOptions(WORK_ONLY));
    const body = payload();
    expect(await web.post(body)).toMatchObject({ status: 200 });
    expect(await worker.post(payload())).toMatchObject({ status: 404 });
    await web.delivery(body.sessionId, 'completed');

    expect(worker.nest.get(RememberEvents).sessionIds).toEqual([body.sessionId]);
    expect(web.nest.get(RememberEvents).events).toEqual([]);
  });
});

describe('an instance that does not receive', () => {
  const host = freshHost('sqlite');

  it('says so at boot, names its handlers, and warns neither of auth nor of secrets', async () => {
    for (const auth of ['none' as const, { secrets: ['short', { value: 'x'.repeat(40), notAfter: new Date(0) }] }]) {
      const worker = await host.start((a) =>
        a
          .withHandlers(RememberEvents)
          .withOptions({ ...WORK_ONLY, auth })
          .configured((app) => app.enableShutdownHooks()),
      );
      expect(linesOf(worker)).toEqual([
        expect.stringContaining('Retention of what was received'),
        expect.stringMatching(/^LOG No route \| inbox in better-sqlite3 /),
        'LOG This instance does not receive: receive is false. Cr3dentialsWebhook',
        expect.stringContaining('Handlers by status: '),
      ]);
    }
  });

  it('says when it does not process either', async () => {
    const operator = await host.start((a) => a.withOptions({ ...WORK_ONLY, ...RECEIVE_ONLY }));
    expect(linesOf(operator)).toContain(
      'LOG This instance neither receives nor processes: receive and processing.enabled are false. Cr3dentialsWebhook',
    );
    expect(await operator.inbox.stats()).toMatchObject({ pending: 0 });
  });

  it.each(platforms)('leaves the requests of the app alone, with %s', async (platform) => {
    const worker = await host.start((a) => a.on(platform).withControllers(HostsOwn).withOptions(WORK_ONLY));
    expect(await worker.post({ a: 1 })).toMatchObject({ status: 201, body: '{"own":{"a":1}}' });
    const { status, body } = await worker.post('{"a":');
    expect(status).toBe(400);
    expect(body).toMatch(/JSON/); // of the app: the webhook quotes nothing
    expect(Object.values((await worker.inbox.stats()).refused).every((count) => count === 0)).toBe(true);
  });

  it('is told beside a factory', async () => {
    const worker = await host.start((a) =>
      a.withHandlers(RememberEvents).withModule(
        Cr3dentialsWebhookModule.forRootAsync({
          ...WORK_ONLY,
          useFactory: () => ({ auth: { secrets: [SECRET] }, ...(testEncryption && { encryption: testEncryption }) }),
        }),
      ),
    );
    expect(await worker.post(payload())).toMatchObject({ status: 404 });
  });

  it('takes what an operator puts in', async () => {
    const worker = await host.start((a) => a.withHandlers(RememberEvents).withOptions(WORK_ONLY));
    const body = payload();
    await worker.inbox.ingest(body);
    await worker.delivery(body.sessionId, 'completed');
    expect(worker.nest.get(RememberEvents).sessionIds).toEqual([body.sessionId]);
  });

  it('makes webhookTester throw', async () => {
    const worker = await host.start((a) => a.withOptions(WORK_ONLY));
    expect(() => webhookTester(worker.nest, { secret: SECRET })).toThrow(
      'This app does not receive webhooks: its option "receive" is false. Set it to true in tests.',
    );
  });
});
