import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { FailOnce, RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms, type Platform } from '../../support/app/webhook-app.js';

interface Parsed {
  body?: Record<string, unknown>;
  rawBody?: unknown;
}

/** Has a middleware of the host change what its parser has left. */
function changing(platform: Platform, change: (request: Parsed) => void): (app: INestApplication) => void {
  return (app) => {
    if (platform === 'fastify') {
      const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
      fastify.addHook('preHandler', (request, _, done) => {
        change(request as Parsed);
        done();
      });
      return;
    }
    app.use((request: Parsed, _: unknown, next: () => void) => {
      change(request);
      next();
    });
  };
}

const unwrap = (request: Parsed): void => {
  request.body = request.body?.data as Record<string, unknown>;
};
const trim = (request: Parsed): void => {
  request.body = { ...request.body, sessionId: String(request.body?.sessionId).trim() };
};
const escapeNames = (request: Parsed): void => {
  request.body = { ...request.body, extractedData: { accountHolder: 'O&#x27;Roe' } };
};
const encode = (request: Parsed): void => {
  request.rawBody = Buffer.from(Buffer.from(JSON.stringify(request.body)).toString('base64'));
};
const encodeAsText = (request: Parsed): void => {
  request.rawBody = Buffer.from(JSON.stringify(request.body)).toString('base64');
};
const keepText = (request: Parsed): void => {
  request.rawBody = JSON.stringify(request.body);
};
const reviveDates = (request: Parsed): void => {
  request.body = { ...request.body, completedAt: new Date(String(request.body?.completedAt)) };
};

describe.each(platforms)('what is checked, stored and handed to handlers is one text, on %s', (platform) => {
  const host = freshHost('sqlite');
  /** What is stored of the session, and what its handlers got, the first time and from the database. */
  async function outcomeOf(change: (request: Parsed) => void, sent: unknown, sessionId: unknown) {
    const app = await host.start((a) =>
      a
        .on(platform)
        .withRawBody()
        .withHandlers(RememberEvents, FailOnce)
        .configured((nest) => {
          // Nest registers its parsers when it is initialised, and before what is used until then.
          if (platform === 'express')
            (nest as unknown as { registerParserMiddleware(): void }).registerParserMiddleware();
          changing(platform, change)(nest);
        }),
    );
    expect(await app.post(sent)).toMatchObject({ status: 200 });
    const delivery = await app.delivery(sessionId, 'completed');
    await app.inbox.replay(delivery.id, { handlers: ['remember'] });
    await app.delivery(sessionId, 'completed');
    const { events } = app.nest.get(RememberEvents);
    expect(app.logger.matching(/Could not dispatch/)).toEqual([]);
    return { rawBody: delivery.rawBody, events };
  }

  it.each([
    ['in an envelope, which it takes off', unwrap],
    ['in an envelope, and leaves no JSON beside it', (request: Parsed) => (unwrap(request), encode(request))],
  ])('for a middleware that gets it %s', async (_, change) => {
    const body = payload();
    const { rawBody, events } = await outcomeOf(change, { data: body }, body.sessionId);
    expect(JSON.parse(String(rawBody))).toEqual(body);
    expect(events).toHaveLength(2);
    for (const event of events)
      expect(event).toMatchObject({ sessionId: body.sessionId, extractedData: body.extractedData });
  });

  it.each([
    ['trims it', trim, ' x '],
    ['escapes what is in it', escapeNames, 'x'],
    ['encodes the bytes that it keeps', encode, 'x'],
    ['keeps encoded text', encodeAsText, 'x'],
    ['keeps text', keepText, 'x'],
    ['makes dates of it', reviveDates, 'x'],
  ])('for a middleware that %s: as it was sent', async (_, change, sessionId) => {
    const body = payload({ sessionId });
    const { rawBody, events } = await outcomeOf(change, body, sessionId);
    expect(JSON.parse(String(rawBody))).toEqual(body);
    expect(events).toHaveLength(2);
    for (const event of events) expect(event).toMatchObject({ sessionId, extractedData: body.extractedData });
  });
});
