import { describe, expect, it } from '@jest/globals';
import { type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { sharedHost } from '../../support/app/fresh-host.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { said } from '../../support/http/raw-post.js';
import { until } from '../../support/time/until.js';
import { platforms } from '../../support/app/webhook-app.js';

const ACKNOWLEDGED = { status: 200, body: '{"received":true}', type: 'application/json; charset=utf-8' };
const SINCE_1970 = 1_700_000_000_000;

const matrix = databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('an acknowledged POST, on %s and %s', (kind, platform) => {
  const host = sharedHost(kind, (a) => a.on(platform).withHandlers(RememberEvents));

  it('is stored as a delivery before it is answered', async () => {
    const body = payload();
    expect(said(await host.app.post(body))).toEqual(ACKNOWLEDGED);
    const delivery = await host.app.inbox.find({ sessionId: String(body.sessionId) });
    expect(delivery).toMatchObject({
      tenant: '',
      sessionId: body.sessionId,
      status: 'COMPLETED',
      platformId: 1,
      externalReferenceId: 'user_abc123',
      rawBody: JSON.stringify(body),
      duplicates: 0,
    });
    expect(delivery?.receivedAt).toBeGreaterThan(SINCE_1970);
  });

  it('is answered with a length and without an ETag', async () => {
    for (const body of [payload(), payload({ platformId: 'none' })]) {
      const { headers, body: text } = await host.app.post(body);
      expect(headers['content-length']).toBe(String(Buffer.byteLength(text)));
      expect(headers).not.toHaveProperty('etag');
      expect(headers).not.toHaveProperty('transfer-encoding');
    }
  });

  describe('with the recorded content', () => {
    it('is counted as a duplicate, and makes no rejection', async () => {
      const body = payload();
      await host.app.post(body);
      expect(said(await host.app.post(body))).toEqual(ACKNOWLEDGED);
      const delivery = await host.app.delivery(body.sessionId, 'completed');
      expect(delivery.duplicates).toBe(1);
      expect(delivery.lastDuplicateAt).toBeGreaterThanOrEqual(delivery.receivedAt);
      expect(eventsOf(body.sessionId)).toHaveLength(1);
      expect(await rejectionsOf(body.sessionId)).toEqual([]);
    });
  });

  describe('with other content than the recorded one', () => {
    it('is stored as a conflict, and the first content stays', async () => {
      const { first, other, answer } = await contested();
      expect(said(answer)).toEqual(ACKNOWLEDGED);
      const delivery = await host.app.delivery(first.sessionId, 'completed');
      expect(delivery).toMatchObject({ rawBody: JSON.stringify(first), duplicates: 0, lastDuplicateAt: null });
      expect(eventsOf(first.sessionId).map(({ extractedData }) => extractedData)).toEqual([first.extractedData]);
      const [conflict, ...more] = await rejectionsOf(first.sessionId);
      expect(more).toEqual([]);
      expect(conflict).toMatchObject({
        reason: 'conflict',
        detail: delivery.idempotencyKey,
        state: 'open',
        tenant: '',
        sessionId: first.sessionId,
        rawBody: JSON.stringify(other),
        repeats: 0,
      });
    });

    it('is warned of without anything of its content', async () => {
      const warning =
        /^WARN \d+ authentic POSTs? kept as rejections \(conflict\)\. Look at them with inbox\.rejections\.list\(\)\. Cr3dentialsWebhook$/;
      const warnings = host.app.logger.matching(warning).length;
      const { first } = await contested();
      await until('it is warned of', () => host.app.logger.matching(warning).length > warnings); // once a second
      expect(host.app.logger.matching(/Lovelace|Canary Doe|user_abc123/)).toEqual([]);
      expect(host.app.logger.lines.filter((line) => line.includes(String(first.sessionId)))).toEqual([]);
    });

    it('is counted when it is repeated, and stored once', async () => {
      const { first, other } = await contested();
      for (const repeats of [1, 2]) {
        expect(said(await host.app.post(other))).toEqual(ACKNOWLEDGED);
        const [conflict, ...more] = await rejectionsOf(first.sessionId);
        expect(more).toEqual([]);
        expect(conflict?.repeats).toBe(repeats);
        expect(conflict?.lastReceivedAt).toBeGreaterThanOrEqual(conflict?.firstReceivedAt ?? Infinity);
      }
    });

    it('does not prevent the first content from being counted as a duplicate', async () => {
      const { first } = await contested();
      expect(said(await host.app.post(first))).toEqual(ACKNOWLEDGED);
      expect(await host.app.delivery(first.sessionId, 'completed')).toMatchObject({ duplicates: 1 });
      expect(await rejectionsOf(first.sessionId)).toMatchObject([{ repeats: 0 }]);
    });
  });

  describe('with an unknown status', () => {
    it('is stored as a rejection and warned of, and makes no delivery', async () => {
      const body = payload({ status: 'ARCHIVED' });
      const warnings = unknownStatusWarnings().length;
      expect(said(await host.app.post(body))).toEqual(ACKNOWLEDGED);
      expect(await rejectionsOf(body.sessionId)).toMatchObject([
        { reason: 'unknown-status', detail: 'ARCHIVED', state: 'open', rawBody: JSON.stringify(body), repeats: 0 },
      ]);
      expect(await host.app.inbox.find({ sessionId: String(body.sessionId) })).toBeNull();
      await until('it is warned of', () => unknownStatusWarnings().length > warnings); // once a second
      expect(unknownStatusWarnings().filter((line) => line.includes('ARCHIVED'))).toEqual([]);
    });

    it('is counted when it is repeated', async () => {
      const body = payload({ status: 'ARCHIVED' });
      await Promise.all(Array.from({ length: 5 }, () => host.app.post(body)));
      expect(said(await host.app.post(body))).toEqual(ACKNOWLEDGED);
      expect(await rejectionsOf(body.sessionId)).toMatchObject([{ repeats: 5 }]);
    });

    it('leaves the delivery of its session unchanged', async () => {
      const body = payload();
      await host.app.post(body);
      await host.app.delivery(body.sessionId, 'completed');
      expect(said(await host.app.post({ ...body, status: 'ARCHIVED' }))).toEqual(ACKNOWLEDGED);
      expect(await host.app.delivery(body.sessionId, 'completed')).toMatchObject({
        status: 'COMPLETED',
        duplicates: 0,
      });
      expect(await rejectionsOf(body.sessionId)).toMatchObject([{ reason: 'unknown-status' }]);
    });

    it.each([
      ['in lower case', 'completed', 'completed'],
      ['with a space behind it', 'COMPLETED ', 'COMPLETED'],
      ['that every object has', 'constructor', 'constructor'],
      ['that no text column holds', 'NEW\0\ud800ER', 'NEW ER'],
      ['longer than its column', 'X'.repeat(5_000), `${'X'.repeat(500)}…`],
    ])('is stored as a rejection when the status is one %s', async (_, status, detail) => {
      const body = payload({ status });
      expect(said(await host.app.post(body))).toEqual(ACKNOWLEDGED);
      expect(await rejectionsOf(body.sessionId)).toMatchObject([
        { reason: 'unknown-status', detail, rawBody: JSON.stringify(body) },
      ]);
    });
  });

  it('is the same delivery whether a field is null or missing', async () => {
    const { sessionId } = payload();
    const missing = { sessionId, status: 'ERROR', platformId: 7 };
    const nothing = {
      externalReferenceId: null,
      extractedData: null,
      proofHash: null,
      completedAt: null,
      metadata: null,
    };
    expect(said(await host.app.post(missing))).toEqual(ACKNOWLEDGED);
    expect(said(await host.app.post({ ...missing, ...nothing }))).toEqual(ACKNOWLEDGED);
    expect(await host.app.delivery(sessionId, 'completed')).toMatchObject({ duplicates: 1, externalReferenceId: null });
    expect(eventsOf(sessionId)).toMatchObject([nothing]);
  });

  it('keeps unknown fields, and hides them from handlers', async () => {
    const body: Record<string, unknown> = {
      riskScore: 7,
      ...payload(),
      toString: 'x',
      nested: { list: [{ a: null }] },
    };
    expect(said(await host.app.post(body))).toEqual(ACKNOWLEDGED);
    const delivery = await host.app.delivery(body.sessionId, 'completed');
    expect(JSON.parse(String(delivery.rawBody))).toEqual(body);
    const [event] = eventsOf(body.sessionId);
    expect(Object.keys(event ?? {})).toEqual(expect.not.arrayContaining(['riskScore', 'toString', 'nested']));
    expect(event?.extractedData).toEqual(body.extractedData);
  });

  async function contested() {
    const first = payload();
    const other = payload({ sessionId: first.sessionId, extractedData: { accountHolder: 'Ada Lovelace' } });
    await host.app.post(first);
    await host.app.delivery(first.sessionId, 'completed');
    return { first, other, answer: await host.app.post(other) };
  }

  async function rejectionsOf(sessionId: unknown) {
    const rejections = await host.app.rejections({ limit: 1_000 });
    return rejections.filter((rejection) => rejection.sessionId === sessionId);
  }

  function eventsOf(sessionId: unknown): VerificationEvent[] {
    return host.app.nest.get(RememberEvents).of(sessionId);
  }

  function unknownStatusWarnings(): string[] {
    return host.app.logger.matching(/^WARN .*rejections \(unknown-status\)/);
  }
});
