import { beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, type Cr3dentialsWebhookOptions, type SecretResolver } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { said } from '../../support/http/raw-post.js';
import { platforms, type Answer, type WebhookApp } from '../../support/app/webhook-app.js';

const UNAVAILABLE = {
  status: 503,
  body: '{"statusCode":503,"error":"Service Unavailable","message":"Not recorded. Try again."}',
  type: 'application/json; charset=utf-8',
};
const TRY_AGAIN = { ...UNAVAILABLE, retryAfter: '5', deliveries: [], errors: 1, explained: 1, leaked: [], refused: 1 };
const FAILED = /^ERROR Answered 503 to \d+ POSTs?, because "auth\.resolveSecrets" failed: .* Cr3dentialsWebhook$/;

const SECRET = 'Kestrel-of-the-north-4711';
/** What hosts without types return; the compiler would not let it through. */
const untyped = (found: unknown) => () => found as ReturnType<SecretResolver>;

describe.each(platforms)('a secret resolver that fails, on %s', (platform) => {
  const host = freshHost('sqlite');
  let app: WebhookApp;

  async function start(resolveSecrets: SecretResolver, more: Partial<Cr3dentialsWebhookOptions> = {}): Promise<void> {
    app = await host.start((builder) => builder.on(platform).withOptions({ auth: { resolveSecrets }, ...more }));
  }

  function knock(body: unknown = payload()): Promise<Answer> {
    return app.post(body, { headers: { 'x-api-key': SECRET } });
  }

  /** What comes of one POST: to the sender, in the inbox and in the log. */
  async function outcome() {
    const answer = await knock();
    return {
      ...said(answer),
      retryAfter: answer.headers['retry-after'],
      deliveries: await app.inbox.list(),
      errors: app.logger.matching(/^ERROR/).length,
      explained: app.logger.matching(FAILED).length,
      leaked: app.logger.matching(/Kestrel|4711081547/),
      refused: (await app.inbox.stats()).refused['secrets-unavailable'],
    };
  }

  it.each<[string, SecretResolver]>([
    [
      'an error is thrown',
      () => {
        throw new TypeError('no connection');
      },
    ],
    ['it is rejected', () => Promise.reject(new Error('no connection'))],
    ['something else is thrown', () => Promise.reject('no connection')],
    ['nothing is thrown', () => Promise.reject(undefined)],
    [
      'an error is thrown that cannot say what it is',
      () => Promise.reject(Object.defineProperty({}, 'name', { get: () => fail() })),
    ],
    [
      'an error of HTTP is thrown',
      () => Promise.reject(Object.assign(new Error('no'), { status: 404, getStatus: () => 404 })),
    ],
  ])('makes the guard answer 503 when %s', async (_, resolveSecrets) => {
    await start(resolveSecrets);
    expect(await outcome()).toEqual(TRY_AGAIN);
  });

  it.each<[string, SecretResolver]>([
    ['the header', ({ headers }) => Promise.reject(new Error(`nobody has the key ${String(headers['x-api-key'])}`))],
    ['every header', ({ headers }) => Promise.reject(new Error(`asked with ${JSON.stringify(headers)}`))],
    [
      'the header, in an error of this module',
      ({ headers }) => Promise.reject(new PermanentError(`nobody has the key\n${String(headers['x-api-key'])}`)),
    ],
  ])('is logged without the secret when the error quotes %s', async (_, resolveSecrets) => {
    await start(resolveSecrets);
    expect(await outcome()).toEqual(TRY_AGAIN);
  });

  it.each<[string, unknown]>([
    ['not a list', { secrets: SECRET }],
    ['missing', { tenant: 'north' }],
    ['nested', { secrets: [[SECRET]] }],
    ['not there', { secrets: [undefined] }],
    ['not set', { secrets: [{ value: null, id: 'north' }] }],
    ['numbers', { secrets: [4_711_081_547_110_815] }],
    ['numbers in objects', { secrets: [{ value: 4_711_081_547_110_815 }] }],
    ['bytes', { secrets: [{ value: { secret: SECRET } }] }],
    ['to expire at a text', { secrets: [{ value: SECRET, notAfter: '2999-01-01' }] }],
    ['a text', SECRET],
    ['a list', [SECRET]],
  ])('makes the guard answer 503 when the secrets are %s', async (_, found) => {
    await start(untyped(found));
    expect(await outcome()).toEqual(TRY_AGAIN);
  });

  it.each<[string, unknown]>([
    ['longer than 255 characters', 't'.repeat(256)],
    ['U+0000', 'north\0'],
    ['half a character', 'north\ud83d'],
    ['a number', 4711],
    ['null', null],
    ['an object', { name: 'north' }],
  ])('makes the guard answer 503 when the tenant is %s', async (_, tenant) => {
    await start(untyped({ tenant, secrets: [SECRET] }));
    expect(await outcome()).toEqual(TRY_AGAIN);
    expect(app.logger.matching(/: its tenant is not well-formed text of up to 255 characters /)).toHaveLength(1);
  });

  it('makes the guard answer 503 only until it succeeds', async () => {
    let isDown = true;
    await start(() => (isDown ? Promise.reject(new Error('no connection')) : { secrets: [SECRET] }));
    expect(await outcome()).toEqual(TRY_AGAIN);
    isDown = false;
    const body = payload();
    expect((await knock(body)).status).toBe(200);
    expect(await app.delivery(body.sessionId, 'pending')).toMatchObject({ duplicates: 0 });
  });

  describe('within a time limit', () => {
    const ackTimeout = 1_500;
    let took: number;

    beforeEach(() => {
      took = 0;
    });

    it('makes the guard answer 503 within ackTimeout when it does not settle', async () => {
      await start(() => new Promise(() => {}), { receiving: { ackTimeout } });
      await timed(async () => expect(await outcome()).toEqual(TRY_AGAIN));
      expect(took).toBeGreaterThan(ackTimeout * 0.95);
      expect(took).toBeLessThan(ackTimeout * 1.5);
      expect(app.logger.matching(/timed out after 1500 ms/)).toHaveLength(1);
    });

    it('leaves the inbox the rest of ackTimeout', async () => {
      await start(() => sleep(ackTimeout * 0.8, { secrets: [SECRET] }), { receiving: { ackTimeout } });
      const beside = await host.database.connect();
      await beside.query('BEGIN IMMEDIATE');
      await timed(async () => expect(said(await knock())).toEqual(UNAVAILABLE));
      await beside.query('ROLLBACK');
      expect(took).toBeLessThan(ackTimeout * 1.5);
    });

    async function timed(work: () => Promise<void>): Promise<void> {
      const before = performance.now();
      await work();
      took = performance.now() - before;
    }
  });
});

function fail(): never {
  throw new Error('thrown by what was thrown');
}
