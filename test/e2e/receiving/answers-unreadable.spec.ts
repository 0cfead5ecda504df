import { describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { sharedHost } from '../../support/app/fresh-host.js';
import { PERSON, notJson, tooLarge, unreadable } from '../../support/http/odd-bodies.js';
import { payload } from '../../support/app/payload.js';
import { rawPost, said, type RawPost } from '../../support/http/raw-post.js';
import { platforms } from '../../support/app/webhook-app.js';

const MIB = 1024 * 1024;

const UNREADABLE = refused(400, 'Bad Request', 'The body is not a JSON object, or an empty one.');
const NOT_JSON = refused(415, 'Unsupported Media Type', 'Send JSON in UTF-8, uncompressed, as application/json.');
const TOO_LARGE = refused(413, 'Payload Too Large', 'The body is larger than this server accepts.');

describe.each(platforms)('an unreadable body, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) => a.on(platform));

  it.each(unreadable)('is answered 400 and leaves nothing behind: %s', async (_, post) => {
    expect(await outcome(post)).toEqual({ ...UNREADABLE, leftBehind: [] });
  });

  it.each(notJson)('is answered 415 and leaves nothing behind: %s', async (_, post) => {
    expect(await outcome(post)).toEqual({ ...NOT_JSON, leftBehind: [] });
  });

  it.each(tooLarge)('is answered 413 and leaves nothing behind: %s', async (_, post) => {
    expect(await outcome(post)).toEqual({ ...TOO_LARGE, leftBehind: [] });
  });

  async function outcome(post: RawPost) {
    const before = await everything();
    const answer = said(await rawPost(host.app.url, post));
    return { ...answer, leftBehind: (await everything()).slice(before.length) };
  }

  /** Every row, and every line of the log but those that say how many were refused. */
  async function everything(): Promise<unknown[]> {
    const [deliveries, rejections] = await Promise.all([host.app.inbox.list(), host.app.rejections()]);
    return [...deliveries, ...rejections, ...host.app.logger.matching(/^(?!WARN Answered 4\d\d to \d+ POSTs?: )/)];
  }
});

describe.each(platforms)('a host that accepts larger bodies, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) =>
    a.on(platform).configured((nest) => {
      if (platform === 'express') (nest as NestExpressApplication).useBodyParser('json', { limit: 3 * MIB });
      else (nest as NestFastifyApplication).useBodyParser('application/json', { bodyLimit: 3 * MIB });
    }),
  );

  it('stores a large body whole', async () => {
    const body = payload({ extractedData: { all: PERSON.repeat(100_000) } });
    expect(await host.app.post(body)).toMatchObject({ status: 200 });
    const delivery = await host.app.delivery(body.sessionId, 'pending');
    expect(delivery.rawBody === JSON.stringify(body)).toBe(true);
  });

  it('answers 413 to a body over its own limit', async () => {
    expect(said(await host.app.post(payload({ extractedData: { all: 'x'.repeat(3 * MIB) } })))).toEqual(TOO_LARGE);
  });

  it('answers 400 to a large body that is truncated', async () => {
    const text = JSON.stringify(payload({ extractedData: { all: PERSON.repeat(100_000) } }));
    expect(said(await host.app.post(text.slice(0, -1)))).toEqual(UNREADABLE);
    expect(host.app.logger.matching(new RegExp(PERSON))).toEqual([]);
  });
});

/** To the byte: nothing of what was sent has a place in it. */
function refused(statusCode: number, error: string, message: string) {
  return {
    status: statusCode,
    body: JSON.stringify({ statusCode, error, message }),
    type: 'application/json; charset=utf-8',
  };
}
