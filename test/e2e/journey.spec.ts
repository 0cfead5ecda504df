import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { databases, freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { payload } from '../support/app/payload.js';
import { platforms, webhookApp, type WebhookApp } from '../support/app/webhook-app.js';

const seen: VerificationEvent[] = [];

@Injectable()
class Remember {
  @OnVerification()
  remember(event: VerificationEvent): void {
    seen.push(event);
  }
}

describe.each(databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const)))(
  'a host on %s and %s',
  (kind, platform) => {
    let database: TestDatabase;
    let app: WebhookApp;

    beforeAll(async () => {
      database = await freshDatabase(kind);
      app = await webhookApp(database).on(platform).withHandlers(Remember).start();
    });

    afterAll(async () => {
      await app?.stop();
      await database?.drop();
    });

    it('turns a delivery into one typed event', async () => {
      const body = payload();
      const answers = await Promise.all([1, 2, 3].map(() => app.post(body)));
      expect(answers.map((answer) => [answer.status, answer.body])).toEqual(
        [1, 2, 3].map(() => [200, '{"received":true}']),
      );
      const delivery = await app.delivery(body.sessionId, 'completed');
      expect(delivery.duplicates).toBe(2);
      expect(seen.filter(({ sessionId }) => sessionId === body.sessionId)).toHaveLength(1);
    });
  },
);
