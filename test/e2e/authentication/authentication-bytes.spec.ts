import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { bytesOfAnswer, type WirePost } from '../../support/http/bytes-of-answer.js';
import { SECRET } from '../../support/app/canaries.js';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { platforms, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const EXPIRED = 'the-secret-of-last-year-which-has-expired';
const valid = JSON.stringify(payload());

function key(value: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from('X-API-Key: '), Buffer.from(value as string)]);
}

/** Without the bytes at which Node ends a request before anybody has read it. */
function sendable(bytes: Buffer): Buffer {
  return bytes.map((byte) => (byte < 0x20 || byte === 0x7f ? 0x80 : byte)) as Buffer;
}

function of(...values: (string | Buffer)[]): WirePost {
  return { headers: values.map(key), content: valid };
}

const wrong: readonly (readonly [name: string, post: WirePost])[] = [
  ['no key', of()],
  ['an empty key', of('')],
  ['white space', of(' \t ')],
  ['one character, the first', of(SECRET.slice(0, 1))],
  ['half of it', of(SECRET.slice(0, SECRET.length / 2))],
  ['all but the last character', of(SECRET.slice(0, -1))],
  ['all but the first character', of(SECRET.slice(1))],
  ['another last character', of(`${SECRET.slice(0, -1)}!`)],
  ['another first character', of(`!${SECRET.slice(1)}`)],
  ['one character more', of(`${SECRET}s`)],
  ['one character before it', of(`s${SECRET}`)],
  ['another of its length', of('x'.repeat(SECRET.length))],
  ['upper case', of(SECRET.toUpperCase())],
  ['one letter in upper case', of(SECRET.replace('c', 'C'))],
  ['backwards', of([...SECRET].toReversed().join(''))],
  ['white space within', of(SECRET.replace('-', ' -'))],
  ['a non-breaking space behind it', of(Buffer.from(`${SECRET}\xA0`, 'latin1'))],
  ['a byte order mark before it', of(`\uFEFF${SECRET}`)],
  ['full-width letters', of(SECRET.replaceAll('a', 'ａ'))],
  ['a letter of another alphabet', of(SECRET.replace('a', 'а'))],
  ['bytes that are no UTF-8', of(Buffer.from(`${SECRET}\xFF\xC3`, 'latin1'))],
  ['an emoji', of('\u{1F511}')],
  ['in quotes', of(`"${SECRET}"`)],
  ['percent-encoded', of(SECRET.replaceAll('-', '%2D'))],
  ['in base64', of(Buffer.from(SECRET).toString('base64'))],
  ['its digest', of(createHash('sha256').update(SECRET).digest('hex'))],
  ['the bytes of its digest', of(sendable(createHash('sha256').update(SECRET).digest()))],
  ['a scheme before it', of(`Bearer ${SECRET}`)],
  ['twice', of(SECRET, SECRET)],
  ['twice, empty the first time', of('', SECRET)],
  ['twice, wrong the second time', of(SECRET, 'wrong')],
  ['in a list', of(`${SECRET}, ${SECRET}`)],
  ['very long', of('x'.repeat(14_000))],
  ['itself, very often', of(SECRET.repeat(300))],
  ['an expired one', of(EXPIRED)],
  ['SQL', of("' OR '1'='1")],
  ['a wildcard', of('*')],
  ['undefined', of('undefined')],
  ['null', of('null')],
  ['none', of('none')],
  ['a key that every object has', of('__proto__')],
  ['in Authorization', { headers: [`Authorization: ${SECRET}`], content: valid }],
  ['in Authorization, behind a scheme', { headers: [`Authorization: Bearer ${SECRET}`], content: valid }],
  ['in a header named alike', { headers: [`X-API-Keys: ${SECRET}`, `X_API_Key: ${SECRET}`], content: valid }],
  ['in a cookie', { headers: [`Cookie: X-API-Key=${SECRET}`], content: valid }],
  ['in the query', { path: `/webhook/cr3dentials?X-API-Key=${SECRET}&x-api-key=${SECRET}`, content: valid }],
  ['in the body', { content: JSON.stringify(payload({ 'X-API-Key': SECRET })) }],
  ['for a body against the contract', { headers: [key('wrong')], content: '{"sessionId":7}' }],
  ['for a status that nobody knows', { headers: [key('wrong')], content: JSON.stringify(payload({ status: 'X' })) }],
];

describe.each(platforms)('the bytes of a 401, on %s', (platform) => {
  let database: TestDatabase;
  let app: WebhookApp;
  let refusal: string;
  let expired: string; // before it was

  beforeAll(async () => {
    database = await freshDatabase('sqlite');
    const clock = new MovingClock();
    app = await webhookApp(database)
      .on(platform)
      .withClock(clock)
      .withOptions({ auth: { secrets: [SECRET, { value: EXPIRED, notAfter: new Date(clock.now() + 60_000) }] } })
      .start();
    expired = await bytesOfAnswer(app.url, of(EXPIRED));
    clock.advance(60_001);
    refusal = await bytesOfAnswer(app.url, of('wrong'));
  });

  afterAll(async () => {
    await app?.stop();
    await database?.drop();
  });

  it('are one constant body for a wrong key', () => {
    const [head = '', body] = refusal.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(body).toBe('{"statusCode":401,"error":"Unauthorized","message":"The webhook secret is missing or wrong."}');
  });

  it.each(wrong)('are the same but for the date: %s', async (_, post) => {
    expect(await bytesOfAnswer(app.url, post)).toBe(refusal);
  });

  it('are the same but for the date when the session is known', async () => {
    expect(await bytesOfAnswer(app.url, of(SECRET))).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await bytesOfAnswer(app.url, of('wrong'))).toBe(refusal);
  });

  it('are told apart from those of a 200 to the right key', async () => {
    for (const value of [SECRET, ` \t${SECRET}\t `])
      expect(await bytesOfAnswer(app.url, of(value))).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*{"received":true}$/);
  });

  it('are not those of the answer to a key before it expires', () => {
    expect(expired).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('are sent without anything of the request being stored', async () => {
    const before = await app.inbox.stats();
    for (const [, post] of wrong) await bytesOfAnswer(app.url, post);
    const after = await app.inbox.stats();
    const { oldestDue, secrets } = after; // that the expired one was sent is counted
    const unauthorized = before.refused.unauthorized + wrong.length;
    expect(after).toEqual({ ...before, oldestDue, secrets, refused: { ...before.refused, unauthorized } });
  });
});

describe.each(platforms)('the bytes of a 401 with a secret resolver, on %s', (platform) => {
  it('are the same for an unknown tenant and for a wrong key', async () => {
    const database = await freshDatabase('sqlite');
    const app = await webhookApp(database)
      .on(platform)
      .withOptions({
        path: 'hooks/:tenant',
        auth: {
          resolveSecrets: ({ params: { tenant } }) => {
            if (tenant === 'north') return { tenant, secrets: [SECRET] };
            return tenant === 'nameless' ? { tenant, secrets: [] } : undefined;
          },
        },
      })
      .start();
    try {
      const refusal = await bytesOfAnswer(app.url, { ...of('wrong'), path: '/hooks/north' });
      expect(refusal).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
      for (const path of ['/hooks/north', '/hooks/south', '/hooks/nameless', '/hooks/%F0%9F%94%91'])
        for (const post of [of(), of(''), of('wrong'), of('wrong', SECRET)])
          expect(await bytesOfAnswer(app.url, { ...post, path })).toBe(refusal);
      expect(await bytesOfAnswer(app.url, { ...of(SECRET), path: '/hooks/south' })).toBe(refusal);
      expect(await bytesOfAnswer(app.url, { ...of(SECRET), path: '/hooks/north' })).toMatch(/^HTTP\/1\.1 200 OK/);
    } finally {
      await app.stop();
      await database.drop();
    }
  });
});
