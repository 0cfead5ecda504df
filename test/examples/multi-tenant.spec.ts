import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Cr3dentialsWebhookInbox } from 'nestjs-cr3dentials-webhook';
import { webhookTester, type WebhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { DataSource } from 'typeorm';
import { Accounts } from '../../examples/multi-tenant/accounts.js';
import { AppModule } from '../../examples/multi-tenant/app.module.js';
import { TenantSecret } from '../../examples/multi-tenant/tenant-secret.entity.js';
import { freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { RememberingLogger } from '../support/app/log.js';
import { payload } from '../support/app/payload.js';

describe('examples/multi-tenant', () => {
  let database: TestDatabase;
  let app: INestApplication;

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
    process.env.DATABASE_PATH = String(database.options.database);
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .setLogger(new RememberingLogger())
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    await secrets().insert([
      { tenant: 'acme', id: 'current', value: 'the-secret-of-acme' },
      { tenant: 'globex', id: 'current', value: 'the-secret-of-globex' },
      { tenant: 'globex', id: 'expired', value: 'the-old-secret-of-globex', notAfter: new Date(0) },
    ]);
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const secrets = () => app.get(DataSource).getRepository(TenantSecret);

  function as(tenant: string, secret: string): WebhookTester {
    return webhookTester(app, { path: `tenants/${tenant}/webhook/cr3dentials`, tenant, secret, timeout: 15_000 });
  }

  it('takes the same session of two tenants for two', async () => {
    const body = payload();
    const outcomes = [
      await as('acme', 'the-secret-of-acme').deliver(body, { until: 'finished' }),
      await as('globex', 'the-secret-of-globex').deliver(body, { until: 'finished' }),
      await as('globex', 'the-secret-of-globex').deliver(body),
    ];
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['accepted', 'accepted', 'duplicate']);
    expect([...app.get(Accounts).activated]).toEqual([
      ['acme', [body.sessionId]],
      ['globex', [body.sessionId]],
    ]);
  });

  it.each([
    ["another tenant's secret", 'acme', 'the-secret-of-globex'],
    ['a secret that has expired', 'globex', 'the-old-secret-of-globex'],
    ['a tenant that there is not', 'initech', 'the-secret-of-acme'],
  ])('refuses %s', async (_, tenant, secret) => {
    expect(await as(tenant, secret).deliver(payload())).toMatchObject({ verdict: 'unauthorized' });
    expect(await app.get(Cr3dentialsWebhookInbox).list()).toEqual([]);
  });

  it('rotates a secret without a restart and without refusing a delivery', async () => {
    await secrets().insert({ tenant: 'acme', id: 'next', value: 'the-next-secret-of-acme' });
    expect(await as('acme', 'the-secret-of-acme').deliver(payload())).toMatchObject({ verdict: 'accepted' });
    expect(await as('acme', 'the-next-secret-of-acme').deliver(payload())).toMatchObject({ verdict: 'accepted' });
    await secrets().delete({ tenant: 'acme', id: 'current' });
    expect(await as('acme', 'the-secret-of-acme').deliver(payload())).toMatchObject({ verdict: 'unauthorized' });
  });
});
