import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sharedHost } from '../../support/app/fresh-host.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { platforms, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

/** Legal JSON that a parser, a serialiser or a JSON column would each change. */
const asSent = (sessionId: string) => String.raw`

{ "metadata" : {"b":1, "a":2},
  "zzz": [ 1.0, 1E2, -0, 12345678901234567890 ],	"status":"COMPLETED",
  "sessionId":"${sessionId}",   "platformId" : 1.50,
  "extractedData":{"iban":12345678901234567890,"rate":0.1000,"nul":"a\u0000b","lone":"\ud800","low":"\udc00 x",
    "pair":"\ud83d\ude00","emoji":"😀 𝒞 é","combining":"é","slash":"\/","backslash":"\\u0000",
    "10":"integer keys come first when parsed","2":null,"twice":1,"twice":2, "empty":{},"quote":"'\"''; --"},
  "externalReferenceId":null, "completedAt":"2025-03-24T12:05:00Z"}
`;

const matrix = databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('the rawBody of a delivery, on %s and %s', (kind, platform) => {
  let database: TestDatabase;
  let app: WebhookApp;

  beforeAll(async () => {
    database = await freshDatabase(kind);
  });

  afterAll(() => database?.drop());

  describe('in a host with rawBody', () => {
    beforeAll(async () => {
      app = await webhookApp(database).on(platform).withRawBody().withHandlers(RememberEvents).start();
    });

    afterAll(() => app?.stop());

    it('is the sent text, byte for byte', async () => {
      const text = asSent('raw');
      expect(await app.post(text)).toMatchObject({ status: 200 });
      const delivery = await app.delivery('raw', 'completed');
      expect(delivery.rawBody).toBe(text);
      expect(app.nest.get(RememberEvents).of('raw')[0]).toMatchObject({
        platformId: 1.5,
        extractedData: { nul: 'a\0b', lone: '\ud800', pair: '😀', emoji: '😀 𝒞 é', twice: 2 },
      });
    });

    it('is the sent text of a large body, byte for byte', async () => {
      const text = JSON.stringify(payload({ sessionId: 'large', extractedData: { all: '€😀"\\\n'.repeat(6_000) } }));
      expect(await app.post(text)).toMatchObject({ status: 200 });
      expect((await app.delivery('large', 'completed')).rawBody).toBe(text);
    });

    it('keeps a byte order mark, which the parser skips', async () => {
      const text = `\uFEFF${JSON.stringify(payload({ sessionId: 'marked' }))}`;
      expect(await app.post(text)).toMatchObject({ status: 200 });
      expect((await app.delivery('marked', 'completed')).rawBody).toBe(text);
      expect(app.nest.get(RememberEvents).of('marked')).toHaveLength(1);
    });

    it('is the sent text of a conflict too, byte for byte', async () => {
      await app.post(asSent('contested'));
      const other = asSent('contested').replace('0.1000', '0.2000');
      expect(await app.post(other)).toMatchObject({ status: 200 });
      const rejections = await app.rejections({ reason: 'conflict' });
      expect(rejections.map(({ rawBody }) => rawBody)).toEqual([other]);
    });
  });

  describe('in a host without rawBody', () => {
    beforeAll(async () => {
      app = await webhookApp(database).on(platform).withHandlers(RememberEvents).start();
    });

    afterAll(() => app?.stop());

    it('is the parsed body, serialised', async () => {
      const text = asSent('parsed');
      expect(await app.post(text)).toMatchObject({ status: 200 });
      const delivery = await app.delivery('parsed', 'completed');
      expect(delivery.rawBody).toBe(JSON.stringify(JSON.parse(text)));
      expect(app.nest.get(RememberEvents).of('parsed')[0]).toMatchObject({
        extractedData: { nul: 'a\0b', lone: '\ud800', emoji: '😀 𝒞 é' },
      });
    });
  });
});

describe.each(databases)('the content of a delivery, on %s', (kind) => {
  const host = sharedHost(kind, (a) => a.withHandlers(RememberEvents));

  it.each([
    ['other metadata', { metadata: { run: 2 } }],
    ['no metadata', { metadata: undefined }],
    ['a field nobody knows', { riskScore: 7 }],
    ['null left out', { proofHash: undefined }],
    ['its keys in another order', { extractedData: { b: [{ d: 4, c: 3 }], a: 1 } }],
  ])('is a duplicate with %s', async (_, change) => {
    const body = payload({ proofHash: null, extractedData: { a: 1, b: [{ c: 3, d: 4 }] } });
    await host.app.post(body);
    const changed = Object.fromEntries(Object.entries({ ...body, ...change }).toReversed());
    expect(await host.app.post(changed)).toMatchObject({ status: 200 });
    const delivery = await host.app.delivery(body.sessionId, 'completed');
    expect(delivery).toMatchObject({ duplicates: 1, rawBody: JSON.stringify(body) });
    expect(await host.app.rejections()).toEqual([]);
  });

  it.each([
    ['status', { status: 'ERROR' }],
    ['platform', { platformId: 2 }],
    ['reference', { externalReferenceId: null }],
    ['data', { extractedData: { list: [2, 1] } }],
    ['data of another type', { extractedData: { list: ['1', 2] } }],
    ['proof', { proofHash: '9F2C…' }],
    ['completion', { completedAt: '2025-03-24T12:05:00.001Z' }],
  ])('is a conflict with another %s', async (_, change) => {
    const body = payload({ extractedData: { list: [1, 2] } });
    await host.app.post(body);
    const changed = { ...body, ...change };
    expect(await host.app.post(changed)).toMatchObject({ status: 200 });
    expect(await host.app.delivery(body.sessionId, 'completed')).toMatchObject({
      duplicates: 0,
      rawBody: JSON.stringify(body),
    });
    const [newest] = await host.app.rejections({ reason: 'conflict', limit: 1 });
    expect(newest).toMatchObject({ sessionId: body.sessionId, rawBody: JSON.stringify(changed) });
  });
});
