import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { Cr3dentialsWebhookModule, OnVerification, type Cr3dentialsWebhookOptions } from 'nestjs-cr3dentials-webhook';
import { inspect } from 'node:util';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { webhookApp, type WebhookAppBuilder } from '../../support/app/webhook-app.js';

class Same {
  @OnVerification({ id: 'same' })
  one(): void {}

  @OnVerification({ id: 'same' })
  other(): void {}
}

@Module({ imports: [Cr3dentialsWebhookModule] })
class Feature {}

const wrong = { auth: { secrets: [undefined] } } as Cr3dentialsWebhookOptions;

type Build = (app: WebhookAppBuilder) => WebhookAppBuilder;

describe('what stops the boot', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
  });

  afterEach(() => database.drop());

  it.each<[string, Build, RegExp]>([
    [
      'a missing table',
      (a) => a.withDataSource({ migrations: [] }),
      /is missing or incomplete \(.*SQLITE_ERROR\)\. Run/,
    ],
    ['no entities', (a) => a.withDataSource({ entities: [] }), /does not know the entities of this package/],
    ['a wrong option', (a) => a.withModule(Cr3dentialsWebhookModule.forRoot(wrong)), /auth\.secrets\[0\]/],
    [
      'a wrong option from a factory',
      (a) => a.withModule(Cr3dentialsWebhookModule.forRootAsync({ useFactory: () => wrong })),
      /auth\.secrets\[0\]/,
    ],
    ['two handlers of one id', (a) => a.withHandlers(Same), /Two handlers have the id "same"/],
    ['an import without options', (a) => a.importing(Feature), /without options/],
  ])('is told in a line or two, without a stack: %s', async (_, build, message) => {
    const error = await (async () => build(webhookApp(database)).start())().then(
      () => undefined,
      (failure: Error) => failure,
    );
    expect(error?.message).toMatch(message);
    expect(error).toHaveProperty('code');
    // As Nest and Node print it: the sentence, the code and a bracket.
    expect(inspect(error).split('\n').length).toBeLessThanOrEqual(3);
  });

  it('keeps its stack where it is an error of the host', async () => {
    const failing = Cr3dentialsWebhookModule.forRootAsync({
      useFactory: () => {
        throw new Error('The vault is sealed.');
      },
    });
    await expect(webhookApp(database).withModule(failing).start()).rejects.toMatchObject({
      message: 'The vault is sealed.',
      stack: expect.stringContaining('boot-failures.spec'),
    });
  });
});
