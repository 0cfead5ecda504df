import { afterEach, beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import { testEncryption } from '../../support/app/test-encryption.js';
import { Injectable, Module, type DynamicModule } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  type Cr3dentialsWebhookOptions,
  type Cr3dentialsWebhookOptionsFactory,
} from 'nestjs-cr3dentials-webhook';
import { inspect } from 'node:util';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { RememberingLogger } from '../../support/app/log.js';
import { payload } from '../../support/app/payload.js';
import { thrownBy } from '../../support/app/thrown-by.js';
import { until } from '../../support/time/until.js';
import { SECRET, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const path = 'hooks/cr3dentials';
const options = { auth: { secrets: [SECRET] }, encryption: testEncryption };

@Injectable()
class Vault {
  readonly secret = SECRET;
}

@Module({ providers: [Vault], exports: [Vault] })
class VaultModule {}

@Injectable()
class OptionsFromVault implements Cr3dentialsWebhookOptionsFactory {
  constructor(private readonly vault: Vault) {}

  createCr3dentialsWebhookOptions(): Cr3dentialsWebhookOptions {
    return { auth: { secrets: [this.vault.secret] }, encryption: testEncryption };
  }
}

@Module({ imports: [VaultModule], providers: [OptionsFromVault], exports: [OptionsFromVault] })
class OptionsModule {}

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

describe.each<[string, () => DynamicModule]>([
  ['forRoot', () => Cr3dentialsWebhookModule.forRoot({ path, ...options })],
  ['forRootAsync and useFactory', () => Cr3dentialsWebhookModule.forRootAsync({ path, useFactory: () => options })],
  [
    'forRootAsync and a factory that injects and takes its time',
    () =>
      Cr3dentialsWebhookModule.forRootAsync({
        path,
        imports: [VaultModule],
        inject: [Vault],
        useFactory: async ({ secret }: Vault) => ({ auth: { secrets: [secret] }, encryption: testEncryption }),
      }),
  ],
  [
    'forRootAsync and useClass',
    () => Cr3dentialsWebhookModule.forRootAsync({ path, imports: [VaultModule], useClass: OptionsFromVault }),
  ],
  [
    'forRootAsync and useExisting',
    () => Cr3dentialsWebhookModule.forRootAsync({ path, imports: [OptionsModule], useExisting: OptionsFromVault }),
  ],
])('a host that imports the module with %s', (_, module) => {
  it('receives a delivery at its route, with its secret', async () => {
    app = await webhookApp(database).withModule(module()).withHandlers(RememberEvents).start();
    const body = payload();
    expect(await app.post(body, { path: `/${path}` })).toMatchObject({ status: 200, body: '{"received":true}' });
    await app.delivery(body.sessionId, 'completed');
    expect(app.nest.get(RememberEvents).events).toMatchObject([{ sessionId: body.sessionId }]);
    expect(await app.post(body)).toMatchObject({ status: 404 });
    expect(await app.post(body, { path: `/${path}`, headers: { 'x-api-key': 'another' } })).toMatchObject({
      status: 401,
    });
  });
});

function bootWith(module: DynamicModule): Promise<WebhookApp> {
  return webhookApp(database).withModule(module).start();
}

describe('invalid options', () => {
  it('stop the boot when a factory returns "path", which Nest needs earlier', async () => {
    const module = Cr3dentialsWebhookModule.forRootAsync({ useFactory: () => ({ ...options, path }) });
    await expect(bootWith(module)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: 'Option "path" cannot come from a factory. Put it beside "useFactory" in forRootAsync.',
    });
  });

  it.each([
    [undefined, 'The options must be an object. Pass { auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] } }.'],
    [
      { auth: { secrets: [undefined] } },
      'Option "auth.secrets[0]" is undefined. Set the environment variable that it is read from.',
    ],
    [{ ...options, ackTimeout: 5 }, 'Unknown option "ackTimeout". Did you mean "receiving.ackTimeout"?'],
  ])('stop the boot when a factory returns %j', async (given, message) => {
    const useFactory = () => given as Cr3dentialsWebhookOptions;
    await expect(bootWith(Cr3dentialsWebhookModule.forRootAsync({ useFactory }))).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message,
    });
  });

  it('make forRoot throw where it is called', () => {
    const given = { ...options, processing: { lease: 1 } };
    expect(thrownBy(() => Cr3dentialsWebhookModule.forRoot(given))).toMatchObject({
      code: 'OPTIONS_INVALID',
      message: 'Option "processing.lease" must be a whole number from 1000 to 600000, not 1.',
    });
  });

  it('make forRoot throw when they are missing or contradict each other', async () => {
    await expect(bootWith(Cr3dentialsWebhookModule.forRoot({} as Cr3dentialsWebhookOptions))).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringMatching(/^Option "auth" is missing\. Pass/),
    });
    const withoutArguments = Cr3dentialsWebhookModule.forRoot as () => DynamicModule;
    await expect(bootWith(withoutArguments.call(Cr3dentialsWebhookModule))).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringMatching(/^Option "auth" is missing\. Pass/),
    });
    const contradictory = { ...options, processing: { pollInterval: 60_000 } };
    await expect(bootWith(Cr3dentialsWebhookModule.forRoot(contradictory))).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: 'Option "processing.pollInterval" is longer than "processing.lease". Lower "processing.pollInterval".',
    });
  });
});

describe('secrets', () => {
  it('are held by no provider but the options themselves, which nobody can name', async () => {
    const secret = 'injected-by-nobody-0123456789';
    const running = await bootWith(
      Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [secret, { value: secret }] } }),
    );
    const ours = [...running.nest.get(ModulesContainer).values()].find(
      ({ metatype }) => metatype === Cr3dentialsWebhookModule,
    );
    const holders = [...(ours?.providers.values() ?? [])]
      .filter(({ instance }) => inspect(instance, { depth: 3 }).includes(secret))
      .map(({ token }) => token);
    await running.stop();
    expect(holders.map(String)).toEqual(['Symbol(cr3dentials-webhook options)']);
    expect(Symbol.keyFor(holders[0] as symbol)).toBeUndefined();
  });
});

describe('a host module that does not import ours', () => {
  @Injectable()
  class Operator {
    constructor(readonly inbox: Cr3dentialsWebhookInbox) {}
  }

  @Module({ providers: [Operator] })
  class OperatorModule {}

  it('can inject the inbox', async () => {
    app = await webhookApp(database).importing(OperatorModule).start();
    const operator = app.nest.get(Operator, { strict: false });
    expect(operator.inbox).toBe(app.inbox);
    expect(await operator.inbox.stats()).toMatchObject({ pending: 0 });
  });

  it('cannot inject the inbox where isGlobal is false', async () => {
    const closed = webhookApp(database).importing(OperatorModule).withOptions({ isGlobal: false });
    await expect(closed.start()).rejects.toThrow(/can't resolve dependencies of the Operator/);
  });
});

describe('a host without HTTP', () => {
  it('processes what another instance has received', async () => {
    const body = payload();
    const receiver = await webhookApp(database)
      .withOptions({ processing: { enabled: false } })
      .start();
    expect(await receiver.post(body)).toMatchObject({ status: 200 });
    await receiver.stop();
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({ ...database.options, autoLoadEntities: true } as TypeOrmModuleOptions),
        Cr3dentialsWebhookModule.forRoot(options),
      ],
      providers: [RememberEvents],
    })
      .setLogger(new RememberingLogger())
      .compile();
    await module.init();
    try {
      const { events } = module.get(RememberEvents);
      await until('the handler has run', () => events.some(({ sessionId }) => sessionId === body.sessionId));
    } finally {
      await module.close();
    }
  });
});

describe('two apps in one process', () => {
  it('share neither deliveries nor handlers', async () => {
    const elsewhere = await freshDatabase('sqlite');
    const other = await webhookApp(elsewhere)
      .withHandlers(RememberEvents)
      .withOptions({ auth: { secrets: ['the secret of another app'] }, path })
      .start();
    try {
      app = await webhookApp(database).withHandlers(RememberEvents).start();
      const mine = payload();
      const theirs = payload();
      expect(await app.post(mine)).toMatchObject({ status: 200 });
      expect(await app.post(mine, { path: `/${path}` })).toMatchObject({ status: 404 });
      expect(await other.post(theirs, { path: `/${path}` })).toMatchObject({ status: 401 });
      const headers = { 'x-api-key': 'the secret of another app' };
      expect(await other.post(theirs, { path: `/${path}`, headers })).toMatchObject({ status: 200 });
      await app.delivery(mine.sessionId, 'completed');
      await other.delivery(theirs.sessionId, 'completed');
      expect(app.nest.get(RememberEvents).events.map(({ sessionId }) => sessionId)).toEqual([mine.sessionId]);
      expect(other.nest.get(RememberEvents).events.map(({ sessionId }) => sessionId)).toEqual([theirs.sessionId]);
      expect(await other.inbox.find({ sessionId: String(mine.sessionId) })).toBeNull();
      await app.stop();
      app = undefined;
      const later = payload();
      expect(await other.post(later, { path: `/${path}`, headers })).toMatchObject({ status: 200 });
      await other.delivery(later.sessionId, 'completed');
    } finally {
      await other.stop();
      await elsewhere.drop();
    }
  });
});
