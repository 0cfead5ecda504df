import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { unreadable } from '../../support/http/odd-bodies.js';
import { payload } from '../../support/app/payload.js';
import { rawPost } from '../../support/http/raw-post.js';
import { platforms, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

describe.each(platforms)('a host whose parser leaves the body as bytes, on %s', (platform) => {
  let database: TestDatabase;
  let app: WebhookApp;

  beforeAll(async () => {
    database = await freshDatabase('sqlite');
    app = await webhookApp(database)
      .on(platform)
      .configured((host) => {
        if (platform === 'express') (host as NestExpressApplication).useBodyParser('raw', { type: 'application/json' });
        else
          (host as NestFastifyApplication).useBodyParser('application/json', {}, (_, body, done) => done(null, body));
      })
      .start();
  });

  afterAll(async () => {
    await app?.stop();
    await database?.drop();
  });

  it('records a delivery byte for byte', async () => {
    const { sessionId } = payload();
    const content = `{ "sessionId": "${sessionId}", "status": "COMPLETED", "platformId": 1.50, "extractedData": { "of": "Ångström" } }`;
    expect(await rawPost(app.url, { content })).toMatchObject({ status: 200 });
    expect((await app.delivery(sessionId, 'pending')).rawBody).toBe(content);
  });

  it.each(unreadable)('answers 400 and stores nothing: %s', async (_, post) => {
    const before = await app.inbox.stats();
    const answer = await rawPost(app.url, post);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      400,
      { message: 'The body is not a JSON object, or an empty one.' },
    ]);
    expect((await app.inbox.stats()).openRejections).toBe(before.openRejections);
  });
});
