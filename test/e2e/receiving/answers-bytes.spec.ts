import { describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { sharedHost } from '../../support/app/fresh-host.js';
import { unreadable } from '../../support/http/odd-bodies.js';
import { payload } from '../../support/app/payload.js';
import { rawPost } from '../../support/http/raw-post.js';
import { platforms } from '../../support/app/webhook-app.js';

describe.each(platforms)('a host whose parser leaves the body as bytes, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) =>
    a.on(platform).configured((nest) => {
      if (platform === 'express') (nest as NestExpressApplication).useBodyParser('raw', { type: 'application/json' });
      else (nest as NestFastifyApplication).useBodyParser('application/json', {}, (_, body, done) => done(null, body));
    }),
  );

  it('records a delivery byte for byte', async () => {
    const { sessionId } = payload();
    const content = `{ "sessionId": "${sessionId}", "status": "COMPLETED", "platformId": 1.50, "extractedData": { "of": "Ångström" } }`;
    expect(await rawPost(host.app.url, { content })).toMatchObject({ status: 200 });
    expect((await host.app.delivery(sessionId, 'pending')).rawBody).toBe(content);
  });

  it.each(unreadable)('answers 400 and stores nothing: %s', async (_, post) => {
    const before = await host.app.inbox.stats();
    const answer = await rawPost(host.app.url, post);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      400,
      { message: 'The body is not a JSON object, or an empty one.' },
    ]);
    expect((await host.app.inbox.stats()).openRejections).toBe(before.openRejections);
  });
});
