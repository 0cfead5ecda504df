import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type DynamicModule, type Type } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Cr3dentialsWebhookInbox, Cr3dentialsWebhookModule } from 'nestjs-cr3dentials-webhook';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { SECRET, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const options = { auth: { secrets: [SECRET] } };
const forRoot = (path: string) => Cr3dentialsWebhookModule.forRoot({ path, ...options });
const forRootAsync = (path: string) => Cr3dentialsWebhookModule.forRootAsync({ path, useFactory: async () => options });

function featureOf(module: DynamicModule | Type, ...providers: Type[]): Type {
  @Module({ imports: [module], providers })
  class FeatureModule {}
  return FeatureModule;
}

let database: TestDatabase;
const running: WebhookApp[] = [];

beforeAll(async () => {
  database = await freshDatabase('sqlite');
});

afterEach(async () => {
  for (const app of running.splice(0)) await app.stop();
});

afterAll(() => database.drop());

async function boot(root: DynamicModule, ...features: Type[]): Promise<WebhookApp> {
  const app = await webhookApp(database)
    .withModule(root)
    .importing(...features)
    .withHandlers(RememberEvents)
    .start();
  running.push(app);
  return app;
}

const duplicate = {
  code: 'MODULE_DUPLICATE',
  message:
    'Cr3dentialsWebhookModule is configured 2 times in this app, and there is one inbox. Call forRoot or forRootAsync once, in the root module. For several routes, pass an array as "path"; for several partners, use auth.resolveSecrets.',
};

describe('a host that configures the module twice', () => {
  it.each([
    ['forRoot, in a feature module', forRoot('a'), featureOf(forRoot('b'))],
    ['forRootAsync, in a feature module', forRoot('a'), featureOf(forRootAsync('b'))],
    ['forRootAsync both times', forRootAsync('a'), featureOf(forRootAsync('b'))],
    ['forRoot, in a module of a module', forRootAsync('a'), featureOf(featureOf(forRoot('b')))],
    ['the same options', forRoot('a'), featureOf(forRoot('a'))],
  ])('does not boot: %s', async (_, root, feature) => {
    await expect(boot(root, feature)).rejects.toMatchObject(duplicate);
  });

  it('has the second one refused when it is loaded lazily', async () => {
    const app = await boot(forRoot('a'));
    await expect(app.nest.get(LazyModuleLoader).load(() => featureOf(forRoot('b')))).rejects.toMatchObject(duplicate);
  });

  it('boots when two modules import what was configured once', async () => {
    const webhook = forRoot('a');
    const app = await boot(webhook, featureOf(webhook), featureOf(webhook));
    const body = payload();
    expect(await app.post(body, { path: '/a' })).toMatchObject({ status: 200 });
    await app.delivery(body.sessionId, 'completed');
  });

  it('boots when these are two apps in one process', async () => {
    const [one, other] = [await boot(forRoot('a')), await boot(forRootAsync('b'))];
    expect((await one.post(payload(), { path: '/a' })).status).toBe(200);
    expect((await other.post(payload(), { path: '/b' })).status).toBe(200);
  });
});

@Injectable()
class Operator {
  constructor(readonly inbox: Cr3dentialsWebhookInbox) {}
}

describe('a feature module that imports the module without options', () => {
  it('stops the boot with the remedy, whether or not the root module has configured it', async () => {
    const feature = featureOf(Cr3dentialsWebhookModule, Operator);
    const unconfigured = {
      code: 'MODULE_UNCONFIGURED',
      message: expect.stringMatching(
        /forRoot\(…\) once, in the root module\. Other modules inject .* without an import/,
      ),
    };
    await expect(boot(forRoot('a'), feature)).rejects.toMatchObject(unconfigured);
    await expect(boot({ module: feature }, feature)).rejects.toMatchObject(unconfigured);
  });

  it('needs no import', async () => {
    @Module({ providers: [Operator] })
    class OperatorModule {}
    const app = await boot(Cr3dentialsWebhookModule.forRoot({ path: 'a', ...options }), OperatorModule);
    expect(await app.nest.get(Operator, { strict: false }).inbox.stats()).toMatchObject({ dead: 0 });
  });
});
