import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { Test } from '@nestjs/testing';
import {
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  type HandlerContext,
} from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { RememberingLogger } from '../../support/app/log.js';
import { SECRET, WebhookApp } from '../../support/app/webhook-app.js';

/** Stands for the host's own library: connections of its own, that Nest's TypeORM module does not know. */
abstract class OwnLibrary {
  abstract query(sql: string, values?: unknown[]): Promise<unknown>;
}

@Injectable()
class Accounts {
  runs = 0;

  constructor(private readonly own: OwnLibrary) {}

  /** As docs/without-typeorm.md has it: what was committed is not done again. */
  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  async activate({ deliveryId }: VerificationCompleted): Promise<void> {
    const run = ++this.runs;
    await this.own
      .query(`INSERT INTO handled (delivery_id) VALUES ('${deliveryId}')`)
      .then(() => this.own.query('UPDATE account SET activations = activations + 1'))
      .catch((error: Error) => {
        if (!/unique|duplicate/i.test(error.message)) throw error;
      });
    if (run === 1) throw new Error('The process died before the completion was recorded.');
  }

  @OnVerification(VerificationCompleted, { id: 'accounts.count', transactional: true })
  async count(_: VerificationCompleted, { manager, attempt }: HandlerContext): Promise<void> {
    await manager.query('UPDATE counted SET times = times + 1');
    if (attempt === 1) throw new Error('What was written is rolled back.');
  }
}

describe.each(databases)('a host that does not use TypeORM, on %s', (kind) => {
  let database: TestDatabase;
  let ownDatabase: TestDatabase;
  let own: DataSource;
  let beside: DataSource;
  let app: WebhookApp;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    // Two libraries that write to one SQLite file would wait for each other: the inbox has a file of its own.
    ownDatabase = kind === 'sqlite' ? await freshDatabase(kind) : database;
    own = await ownDatabase.connect();
    await own.query('CREATE TABLE account (activations int)');
    await own.query('INSERT INTO account VALUES (0)');
    await own.query('CREATE TABLE handled (delivery_id varchar(36) PRIMARY KEY)');
    beside = await database.connect();
    await beside.query('CREATE TABLE counted (times int)');
    await beside.query('INSERT INTO counted VALUES (0)');
  });

  afterEach(async () => {
    await app?.stop();
    await database.drop();
    if (ownDatabase !== database) await ownDatabase.drop();
  });

  it('gives the inbox a DataSource of its own, and handles each delivery once', async () => {
    const webhooks = TypeOrmModule.forRoot({
      ...database.options,
      name: 'webhooks',
      poolSize: 2,
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsTableName: 'cr3dentials_webhook_migrations',
      migrationsRun: true,
    } as TypeOrmModuleOptions);
    const ours = Cr3dentialsWebhookModule.forRoot({
      dataSource: 'webhooks',
      auth: { secrets: [SECRET] },
      processing: { pollInterval: 25, retry: { initialDelay: 10 } },
    });
    const logger = new RememberingLogger();
    const nest = (
      await Test.createTestingModule({
        imports: [webhooks, EventEmitterModule.forRoot(), ours],
        providers: [Accounts, { provide: OwnLibrary, useValue: own }],
      })
        .setLogger(logger)
        .compile()
    ).createNestApplication();
    await nest.listen(0, '127.0.0.1');
    app = new WebhookApp(nest, await nest.getUrl(), logger);

    const bodies = Array.from({ length: 8 }, () => payload());
    await Promise.all(bodies.map((body) => app.post(body)));
    for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
    expect(nest.get(Accounts).runs).toBe(9);
    expect(await own.query('SELECT activations FROM account')).toEqual([{ activations: 8 }]);
    expect(await beside.query('SELECT times FROM counted')).toEqual([{ times: 8 }]);
    expect(await beside.query('SELECT name FROM cr3dentials_webhook_migrations')).toHaveLength(
      cr3dentialsWebhookMigrations.length,
    );
    expect(await nest.get(Cr3dentialsWebhookInbox, { strict: false }).stats()).toMatchObject({ completed: 8 });
  });
});
