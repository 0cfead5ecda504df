import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  verificationPayload,
  webhookTester,
  type WebhookTester,
} from 'nestjs-cr3dentials-webhook/testing';
import { Accounts, AppModule } from './app.module.js';

let app: INestApplication;
let webhook: WebhookTester;

beforeAll(async () => {
  const secret = 'a-secret-for-tests-only';
  process.env.CR3D_WEBHOOK_SECRET = secret;
  const module = Test.createTestingModule({ imports: [AppModule] });
  app = (await module.compile()).createNestApplication();
  webhook = webhookTester(app, { secret });
});

afterAll(() => app.close());

it('activates an account once, however often its session is delivered', async () => {
  const payload = verificationPayload({ status: 'COMPLETED' });
  const first = await webhook.deliver(payload, { until: 'finished' });
  expect(first.verdict).toBe('accepted');
  expect(first.delivery?.state).toBe('completed');
  const second = await webhook.deliver(payload);
  expect(second.verdict).toBe('duplicate');
  expect(app.get(Accounts).activated).toEqual([payload.sessionId]);
});
