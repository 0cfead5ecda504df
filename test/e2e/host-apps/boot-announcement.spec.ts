import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { testEncryption } from '../../support/app/test-encryption.js';
import { Injectable, Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
} from 'nestjs-cr3dentials-webhook';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import { SECRET, webhookApp, type WebhookApp, type WebhookAppBuilder } from '../../support/app/webhook-app.js';

const TABLES =
  '"cr3dentials_webhook_delivery", "cr3dentials_webhook_delivery_state", "cr3dentials_webhook_handler_run", "cr3dentials_webhook_rejection"';

@Injectable()
class Accounts {
  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  activate(): void {}

  @OnVerification(VerificationCompleted, VerificationCancelled)
  count(): void {}
}

@Injectable()
class Listener {
  readonly heard: string[] = [];

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  hear({ sessionId }: VerificationCompleted): void {
    this.heard.push(sessionId);
  }
}

function shutDown(): void {}

let database: TestDatabase;
let app: WebhookApp | undefined;

beforeAll(async () => {
  database = await freshDatabase('sqlite');
});

afterEach(async () => {
  await app?.stop();
  app = undefined;
});

afterAll(() => database.drop());

async function linesOf(builder: WebhookAppBuilder, pattern: RegExp): Promise<string[]> {
  app = await builder.start();
  return app.logger.matching(pattern);
}

const announcements = (builder: WebhookAppBuilder) =>
  linesOf(builder, /^LOG (POST|Handlers|No handler|This instance) /);

describe('the boot lines of an app', () => {
  it('names the route, the database, the tables and the handlers by event', async () => {
    const { database: file } = database.options as { database: string };
    expect(await announcements(webhookApp(database).withHandlers(Accounts))).toEqual([
      `LOG POST /webhook/cr3dentials | inbox in better-sqlite3 ${file} (durable): ${TABLES} Cr3dentialsWebhook`,
      'LOG Handlers by status: COMPLETED → accounts.activate, Accounts.count; CANCELLED → Accounts.count Cr3dentialsWebhook',
      'LOG No handler is subscribed to PARTIAL_COMPLETE, ERROR, TERMINATED. Cr3dentialsWebhook',
    ]);
  });

  it('names several routes', async () => {
    const [line] = await announcements(webhookApp(database).withOptions({ path: ['a', '/b/:tenant/'] }));
    expect(line).toMatch(/^LOG POST \/a, \/b\/:tenant \| /);
  });

  it('names the route with the global prefix', async () => {
    const builder = webhookApp(database).configured((host) => host.setGlobalPrefix('api'));
    const [line] = await announcements(builder);
    expect(await app?.post(payload(), { path: '/api/webhook/cr3dentials' })).toMatchObject({ status: 200 });
    expect(line).toMatch(/^LOG POST \/api\/webhook\/cr3dentials \| /);
  });

  it('says when an instance only receives', async () => {
    const builder = webhookApp(database)
      .withHandlers(Accounts)
      .withOptions({ processing: { enabled: false } });
    const [, line, ...others] = await announcements(builder);
    expect(line).toBe('LOG This instance receives only: processing.enabled is false. Cr3dentialsWebhook');
    expect(others).toEqual([]);
  });

  it('names the event emitter only when there is a listener', async () => {
    const [, line] = await announcements(webhookApp(database).withHandlers(Listener));
    expect(line).toBe('LOG Handlers by status: COMPLETED → event-emitter Cr3dentialsWebhook');
  });

  it.each([true, false])(
    'names an event emitter module that is imported after ours (both global: %p)',
    async (isGlobal) => {
      const [, line] = await announcements(importingOursFirst(isGlobal).withHandlers(Listener));
      expect(line).toContain('COMPLETED → event-emitter');
    },
  );
});

describe('a delivery that is pending before the boot', () => {
  /** Another module of the host, which boots between ours and the event emitter's. */
  @Module({})
  class TakesItsTime implements OnApplicationBootstrap {
    async onApplicationBootstrap(): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  it.each([true, false])('reaches an event emitter that boots after our module (all global: %p)', async (isGlobal) => {
    const body = payload();
    app = await webhookApp(database)
      .withOptions({ processing: { enabled: false } })
      .start();
    expect(await app.post(body)).toMatchObject({ status: 200 });
    await app.stop();
    const between = { module: TakesItsTime, global: isGlobal };
    const { inbox, nest } = (app = await importingOursFirst(isGlobal, between).withHandlers(Listener).start());
    const delivery = await until('the delivery is at its end', async () => {
      const found = await inbox.find({ sessionId: String(body.sessionId) });
      return found?.finishedAt ? found : undefined;
    });
    expect(delivery.state).toBe('completed');
    // It may hear of what an earlier test left behind, too.
    expect(nest.get(Listener).heard.filter((sessionId) => sessionId === body.sessionId)).toHaveLength(1);
  });
});

describe('weak authentication', () => {
  it.each([
    [
      'none',
      { auth: 'none' as const, path: 'hooks' },
      'auth is "none": everyone who reaches /hooks can post events. Set auth.secrets.',
    ],
    [
      'a short secret',
      { auth: { secrets: [SECRET, 'x'.repeat(15)] } },
      'auth.secrets[1] has fewer than 16 characters. Use 32 random ones or more.',
    ],
    [
      'a short secret that has a name',
      { auth: { secrets: [{ value: 'x'.repeat(15), id: 'old' }] } },
      'Secret "old" has fewer than 16 characters. Use 32 random ones or more.',
    ],
    [
      'a secret that has expired by the clock',
      { auth: { secrets: [{ value: SECRET, id: 'old', notAfter: new Date(Date.now() + 60_000) }] } },
      'Secret "old" has expired and is refused. Remove it.',
    ],
  ])('is warned of at every boot: %s', async (_, options, warning) => {
    const clock = new MovingClock();
    clock.advance(120_000);
    const builder = webhookApp(database).withClock(clock).withOptions(options);
    expect(await linesOf(builder, /auth|[Ss]ecret/)).toEqual([`WARN ${warning} Cr3dentialsWebhook`]);
  });

  it('does not include a secret of 16 characters', async () => {
    const auth = { secrets: ['x'.repeat(16), { value: SECRET, notAfter: new Date(Date.now() + 60_000) }] };
    expect(await linesOf(webhookApp(database).withOptions({ auth }), /WARN.*(auth|[Ss]ecret)/)).toEqual([]);
  });
});

const seconds = (name: string, ms: number) =>
  `WARN Option "${name}" is ${ms} ms. Durations are milliseconds: write ${ms}_000 for ${ms} seconds. Cr3dentialsWebhook`;

describe('a duration that is hardly meant', () => {
  it.each([
    [{ receiving: { ackTimeout: 99 } }, seconds('receiving.ackTimeout', 99)],
    [{ processing: { handlerTimeout: 60 } }, seconds('processing.handlerTimeout', 60)],
    [{ processing: { drainTimeout: 10 } }, seconds('processing.drainTimeout', 10)],
    [
      { receiving: { ackTimeout: 30_001 } },
      'WARN Option "receiving.ackTimeout" is 30001 ms, but the provider waits 30 seconds for an answer unless the portal says otherwise. Lower it. Cr3dentialsWebhook',
    ],
  ])('is warned about at every boot: %j', async (options, warning) => {
    expect(await linesOf(webhookApp(database).withOptions(options), /Option "/)).toEqual([warning]);
  });

  it.each([
    { receiving: { ackTimeout: 100 }, processing: { handlerTimeout: 100, drainTimeout: 100 } },
    { receiving: { ackTimeout: 30_000 }, processing: { drainTimeout: 0 } },
  ])('is not one that may be: %j', async (options) => {
    expect(await linesOf(webhookApp(database).withOptions(options), /Option "/)).toEqual([]);
  });
});

describe('shutdown hooks', () => {
  const WARNING =
    'WARN Shutdown hooks are off: SIGTERM will kill running handlers, which run again once their lease has expired. Call app.enableShutdownHooks(). Cr3dentialsWebhook';

  it('are warned of as missing when nothing listens to SIGTERM', async () => {
    expect(await linesOf(webhookApp(database), /SIGTERM/)).toEqual([WARNING]);
  });

  it('are not warned of once the host has enabled them', async () => {
    const builder = webhookApp(database).configured((host) => host.enableShutdownHooks());
    expect(await linesOf(builder, /SIGTERM/)).toEqual([]);
  });

  it('are not warned of when the host listens to SIGTERM by itself', async () => {
    process.once('SIGTERM', shutDown);
    try {
      expect(await linesOf(webhookApp(database), /SIGTERM/)).toEqual([]);
    } finally {
      process.off('SIGTERM', shutDown);
    }
  });
});

/** Global modules boot before others, and among equals the one that is imported first. */
function importingOursFirst(isGlobal: boolean, ...between: DynamicModule[]): WebhookAppBuilder {
  return webhookApp(database)
    .withoutEventEmitter()
    .importing(
      Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] }, encryption: testEncryption, isGlobal }),
      ...between,
    )
    .withModule(EventEmitterModule.forRoot({ global: isGlobal }));
}
