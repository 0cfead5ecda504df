import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Cr3dentialsWebhookInbox } from 'nestjs-cr3dentials-webhook';
import { webhookTester, type WebhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { DataSource } from 'typeorm';
import { Accounts, AppModule } from '../../examples/kms/app.module.js';
import { FakeKeyService, KeyService } from '../../examples/kms/key-service.js';
import { WrappedKey } from '../../examples/kms/wrapped-key.entity.js';
import { WrappedKeys } from '../../examples/kms/wrapped-keys.js';
import { SECRET } from '../support/app/canaries.js';
import { RememberingLogger } from '../support/app/log.js';
import { payload } from '../support/app/payload.js';
import { freshDatabase, type TestDatabase } from '../support/database/databases.js';

describe('examples/kms', () => {
  let database: TestDatabase;
  let app: INestApplication;

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
    process.env.DATABASE_PATH = String(database.options.database);
    process.env.CR3D_WEBHOOK_SECRET = SECRET;
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .setLogger(new RememberingLogger())
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
  });

  afterEach(async () => {
    delete process.env.CR3D_WEBHOOK_SECRET;
    await app.close();
    await database.drop();
  });

  const keys = () =>
    app
      .get(DataSource)
      .getRepository(WrappedKey)
      .find({ order: { id: 'ASC' } });

  function as(tenant: string): WebhookTester {
    return webhookTester(app, {
      path: `tenants/${tenant}/webhook/cr3dentials`,
      tenant,
      secret: SECRET,
      timeout: 15_000,
    });
  }

  it('has a key for each tenant and month, which only the service can unwrap', async () => {
    const body = payload();
    for (const tenant of ['acme', 'globex']) await as(tenant).deliver(body, { until: 'finished' });
    expect(app.get(Accounts).activated).toEqual([body.sessionId, body.sessionId]);
    const month = new Date().toISOString().slice(0, 7);
    const stored = await keys();
    expect(stored.map(({ id }) => id)).toEqual([`acme-${month}`, `globex-${month}`]);
    const [acme] = stored;
    const value = await app.get(KeyService, { strict: false }).unwrap(String(acme?.wrapped));
    expect(value).toHaveLength(32);
    expect(acme?.wrapped).not.toContain(value.toString('base64url'));
    const status = await app.get(Cr3dentialsWebhookInbox).encryption.status();
    expect(status.keys.map(({ id, deliveries }) => `${id} ${deliveries}`)).toEqual(stored.map(({ id }) => `${id} 1`));
  });

  it('answers 503 while the service is down, and stores nothing', async () => {
    const service = app.get<FakeKeyService>(KeyService, { strict: false });
    service.isDown = true;
    expect(await as('acme').deliver(payload())).toMatchObject({ status: 503 });
    service.isDown = false;
    expect(await keys()).toEqual([]);
    expect(await app.get(Cr3dentialsWebhookInbox).list()).toEqual([]);
  });

  it('destroys the keys of a tenant, and those of no other', async () => {
    for (const tenant of ['acme', 'globex']) await as(tenant).deliver(payload(), { until: 'finished' });
    const inbox = app.get(Cr3dentialsWebhookInbox);
    expect(await inbox.erase({ tenant: 'acme' }, { shred: true })).toMatchObject({ state: 'done', deliveries: 1 });
    const [acme, globex] = await keys();
    expect([acme?.wrapped, await app.get(WrappedKeys, { strict: false }).key(String(acme?.id))]).toEqual([null, null]);
    expect(globex?.wrapped).not.toBeNull();
    expect(await inbox.list({ tenant: 'globex' })).toMatchObject([{ contents: 'readable' }]);
  });
});
