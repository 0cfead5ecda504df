import { afterAll, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { verificationPayload, webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { Accounts, AppModule } from './app.module.js';

process.env.CR3D_WEBHOOK_SECRET = 'a-secret-for-tests-only';
const app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication();
const webhook = webhookTester(app, { secret: process.env.CR3D_WEBHOOK_SECRET });
afterAll(() => app.close());

it('activates an account once, however often its session is delivered', async () => {
  const payload = verificationPayload({ status: 'COMPLETED' });
  const { verdict, delivery } = await webhook.deliver(payload, { until: 'settled' });
  expect([verdict, delivery?.state]).toEqual(['accepted', 'completed']);
  expect(await webhook.deliver(payload)).toMatchObject({ verdict: 'duplicate' });
  expect(app.get(Accounts).activated).toEqual([payload.sessionId]);
});
