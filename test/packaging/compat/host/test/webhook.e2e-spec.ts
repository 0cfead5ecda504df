import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { verificationPayload, webhookTester, type WebhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { Accounts } from '../src/accounts.js';
import { AppModule } from '../src/app.module.js';
import { secret } from '../src/environment.js';
import { adapter, configure } from '../src/global.js';

let app: INestApplication;
let webhook: WebhookTester;

beforeAll(async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = configure(module.createNestApplication(adapter(), { rawBody: true }));
  webhook = webhookTester(app, { secret, path: 'api/webhook/cr3dentials' });
});

afterAll(async () => {
  await app.close();
  await app.close(); // as by a test and by its runner
});

describe('a delivery to this host', () => {
  it('is processed once, however often it is sent', async () => {
    const payload = verificationPayload({ extractedData: { accountHolder: 'John Doe' } });
    const { verdict, delivery } = await webhook.deliver(payload, { until: 'finished' });
    expect([verdict, delivery?.state]).toEqual(['accepted', 'completed']);
    expect((await webhook.deliver(payload)).verdict).toBe('duplicate');
    const calls = app.get(Accounts).calls.filter(({ sessionId }) => sessionId === payload.sessionId);
    expect(calls.map(({ by }) => by).toSorted()).toEqual(['listen', 'note']);
    expect(calls.find(({ by }) => by === 'note')?.holder).toBe('John Doe');
  });

  it('is retried where a handler fails', async () => {
    const payload = verificationPayload({ status: 'ERROR' });
    const { delivery } = await webhook.deliver(payload, { until: 'finished' });
    expect(delivery?.state).toBe('completed');
    const calls = app.get(Accounts).calls.filter(({ sessionId }) => sessionId === payload.sessionId);
    expect(calls.filter(({ by }) => by === 'release').map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('is refused without the secret, and where it is against the contract', async () => {
    const portal = await webhook.simulator({ retries: 0, secret: 'another-secret-of-16-characters' });
    expect((await portal.deliver(verificationPayload())).attempts[0]?.statusCode).toBe(401);
    expect((await webhook.deliver({ ...verificationPayload(), platformId: 'one' })).verdict).toBe('invalid');
  });
});
