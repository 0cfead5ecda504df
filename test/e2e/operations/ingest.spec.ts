import { describe, expect, it } from '@jest/globals';
import { Cr3dentialsWebhookError } from 'nestjs-cr3dentials-webhook';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { databases } from '../../support/database/databases.js';
import { holdInbox } from '../../support/database/held-inbox.js';
import { until } from '../../support/time/until.js';

describe.each(databases)('a payload that is ingested, on %s', (kind) => {
  const host = freshHost(kind);

  it('is recorded and handled as if it had been posted, once', async () => {
    const app = await host.start((builder) => builder.withHandlers(SucceedAtOnce));
    const body = payload();
    expect(await app.inbox.ingest(body)).toBe('accepted');
    await app.delivery(body.sessionId, 'completed');
    expect(await app.inbox.ingest(JSON.stringify(body))).toBe('duplicate');
    expect((await app.post(body)).status).toBe(200);
    expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({ duplicates: 2 });
    expect(await app.inbox.ingest({ ...body, status: 'ERROR' })).toBe('conflict');
    expect(await app.inbox.stats()).toMatchObject({ completed: 1, openRejections: 1 });
  });

  it('keeps its text and its tenant', async () => {
    const app = await host.start((builder) => builder.withHandlers(SucceedAtOnce));
    const body = payload();
    const text = JSON.stringify(body, null, 2);
    expect(await app.inbox.ingest(text, { tenant: 'north' })).toBe('accepted');
    expect(await app.delivery(body.sessionId, 'completed', 'north')).toMatchObject({ rawBody: text, tenant: 'north' });
    expect(await app.inbox.find({ sessionId: String(body.sessionId) })).toBeNull();
  });

  it('is kept as a rejection where it is against the contract', async () => {
    const app = await host.start();
    expect(await app.inbox.ingest(payload({ status: 'ON_HOLD' }))).toBe('unknown-status');
    expect(await app.inbox.ingest(payload({ platformId: 'one' }))).toBe('invalid');
    expect((await app.inbox.stats()).openRejections).toBe(2);
  });

  it('names the sessions of an outage, until they are recorded', async () => {
    const app = await host.start((builder) => builder.withOptions({ receiving: { ackTimeout: 200 } }));
    expect(await app.inbox.unrecorded()).toEqual([]);
    const beside = await host.database.connect();
    const letGo = await holdInbox(host.database, beside);
    const repeated = payload();
    const lost = Array.from({ length: 5 }, () => payload());
    for (const body of [...lost, repeated, repeated]) expect((await app.post(body)).status).toBe(503);
    await letGo();
    const { sessionId } = repeated;
    // What was under way when its sender was answered may be recorded all the same: the ones that are not are named.
    await until('the provider has sent it again', async () => (await app.post(repeated)).status === 200);
    const named = await app.inbox.unrecorded();
    expect(named.map((one) => one.sessionId)).not.toContain(sessionId);
    const found = await Promise.all(lost.map((body) => app.inbox.find({ sessionId: String(body.sessionId) })));
    const missing = lost.filter((_, n) => found[n] === null).map((body) => [body.sessionId, '', 1]);
    expect(missing.length).toBeGreaterThan(0); // else nothing is tried
    const times = named.map((one) => [one.sessionId, one.tenant, one.times]);
    expect(times).toHaveLength(missing.length);
    expect(times).toEqual(expect.arrayContaining(missing));
    for (const body of lost) await app.inbox.ingest(body);
    expect(await app.inbox.unrecorded()).toEqual([]);
  });
});

describe('what cannot be ingested', () => {
  const host = freshHost('sqlite');

  it.each<[string, object | string, object?]>([
    ['text that is no JSON', '{"sessionId": '],
    ['an array', [payload()]],
    ['an empty object', {}],
    ['a number', '7'],
    ['what reaches for a prototype', '{"__proto__": {"a": 1}}'],
    ['nothing', undefined as unknown as string],
    ['a tenant that is no text', payload(), { tenant: 7 }],
    ['a tenant that no column holds', payload(), { tenant: 'a\0b' }],
    ['a tenant that is half a character', payload(), { tenant: '\ud83d' }],
  ])('is refused: %s', async (_, ...given) => {
    const app = await host.start();
    const failure = app.inbox.ingest(...(given as [object]));
    await expect(failure).rejects.toThrow(Cr3dentialsWebhookError);
    await expect(failure).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
    expect(await app.inbox.stats()).toMatchObject({ pending: 0, unhandled: 0, openRejections: 0 });
  });
});
