import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testEncryption } from '../../support/app/test-encryption.js';
import { ClaimRepository } from '../../../src/inbox/claim.repository.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const MINUTE = 60_000;
const SLACK = 20_000; // what a slow machine may take between two readings of the clock

/** References as a list has them: a sealed inbox shows none. */
const shown = (...references: string[]) => (testEncryption ? references.map(() => null) : references);

describe.each(databases)('an inbox that no worker processes, on %s', (kind) => {
  let database: TestDatabase;
  let clock: MovingClock;
  let app: WebhookApp;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    clock = new MovingClock();
    app = await webhookApp(database)
      .withClock(clock)
      .withOptions({ processing: { enabled: false } })
      .start();
  });

  afterEach(async () => {
    await app?.stop();
    await database?.drop();
  });

  it('finds a delivery by its id or its session, with its content and its time', async () => {
    clock.advance(10 * 365 * 24 * 60 * MINUTE);
    const body = payload({ status: 'PARTIAL_COMPLETE', externalReferenceId: 'Bestellung 7 – ß' });
    const before = clock.now();
    await app.post(body);
    const after = clock.now();
    const delivery = await app.delivery(body.sessionId, 'pending');
    expect(delivery).toMatchObject({
      tenant: '',
      sessionId: body.sessionId,
      status: 'PARTIAL_COMPLETE',
      platformId: 1,
      externalReferenceId: 'Bestellung 7 – ß',
      dispatches: 0,
      rescues: 0,
      replays: 0,
      nextAttemptAt: delivery.receivedAt,
      leaseOwner: null,
      leaseExpiresAt: null,
      duplicates: 0,
      lastDuplicateAt: null,
      finishedAt: null,
      reason: null,
      runs: [],
    });
    expect(delivery.receivedAt).toBeGreaterThanOrEqual(before);
    expect(delivery.receivedAt).toBeLessThanOrEqual(after);
    expect(await app.inbox.find(delivery.id)).toEqual(delivery);
    expect(await app.inbox.find(delivery.id.replace(/.$/, 'x'))).toBeNull();
    expect(await app.inbox.find({ sessionId: 'unknown' })).toBeNull();
  });

  it('tells when a duplicate arrived last', async () => {
    const body = payload();
    await app.post(body);
    clock.advance(MINUTE);
    await app.post(body);
    clock.advance(MINUTE);
    const between = clock.now();
    await app.post(body);
    const delivery = await app.delivery(body.sessionId, 'pending');
    expect(delivery).toMatchObject({ duplicates: 2, nextAttemptAt: delivery.receivedAt });
    expect(delivery.receivedAt).toBeLessThan(between - MINUTE);
    expect(delivery.lastDuplicateAt).toBeGreaterThanOrEqual(between);
  });

  it.each([1.5, 0.1 + 0.2, -7, 0, Number.MAX_SAFE_INTEGER, 1e21, 5e-324])('keeps a platformId of %d', async (id) => {
    const body = payload({ platformId: id, externalReferenceId: null });
    await app.post(body);
    expect(await app.delivery(body.sessionId, 'pending')).toMatchObject({ platformId: id, externalReferenceId: null });
  });

  it('lists deliveries newest first, in pages, with ids in order of arrival', async () => {
    const sessions = Array.from({ length: 7 }, (_, n) => `session ${n}`);
    for (const sessionId of sessions) await app.post(payload({ sessionId }));
    const all = await app.inbox.list();
    expect(all.map(({ sessionId }) => sessionId)).toEqual(sessions.toReversed());
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
    expect(
      all.every(({ id }) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)),
    ).toBe(true);
    const pages: string[][] = [];
    for (let before: string | undefined; pages.length < 4;) {
      const page = await app.inbox.list({ limit: 3, ...(before && { before }) });
      pages.push(page.map(({ id }) => id));
      before = page.at(-1)?.id ?? before;
    }
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1, 0]);
    expect(pages.flat()).toEqual(all.map(({ id }) => id));
  });

  it('lists fifty deliveries by default', async () => {
    await Promise.all(Array.from({ length: 55 }, () => app.post(payload())));
    expect(await app.inbox.list()).toHaveLength(50);
    expect(await app.inbox.list({ limit: 100 })).toHaveLength(55);
  });

  it('lists the deliveries of one reference, compared exactly', async () => {
    for (const externalReferenceId of ['user_1', 'USER_1', 'user_1 ', 'user_1', null, ''])
      await app.post(payload({ externalReferenceId }));
    const of = async (externalReferenceId: string) => {
      const found = await app.inbox.list({ externalReferenceId });
      return found.map((delivery) => delivery.externalReferenceId);
    };
    expect(await of('user_1')).toEqual(shown('user_1', 'user_1'));
    expect(await of('user_1 ')).toEqual(shown('user_1 '));
    expect(await of('')).toEqual(shown(''));
    expect(await of('nobody')).toEqual([]);
    expect(await app.inbox.list({ externalReferenceId: 'user_1', state: 'completed' })).toEqual([]);
  });

  it('reports how long the oldest due delivery has waited', async () => {
    expect(await app.inbox.stats()).toMatchObject({ pending: 0, oldestDue: 0 });
    await app.post(payload());
    const lease = { claimId: 'another worker', expiresAt: clock.now() + 60 * MINUTE };
    await app.nest.get(ClaimRepository, { strict: false }).claim(lease, clock.now(), 1);
    await app.post(payload());
    clock.advance(3 * MINUTE);
    await app.post(payload());
    clock.advance(MINUTE);
    const { pending, oldestDue } = await app.inbox.stats();
    expect(pending).toBe(2);
    expect(oldestDue).toBeGreaterThanOrEqual(4 * MINUTE);
    expect(oldestDue).toBeLessThan(4 * MINUTE + SLACK);
  });

  it('counts a delivery as due from the moment its lease expires', async () => {
    const repository = app.nest.get(ClaimRepository, { strict: false });
    for (const minutes of [2, 1]) {
      await app.post(payload());
      const lease = { claimId: 'another worker', expiresAt: clock.now() + minutes * MINUTE };
      await repository.claim(lease, clock.now(), 1);
    }
    expect(await app.inbox.stats()).toMatchObject({ pending: 0, processing: 2, oldestDue: 0 });
    clock.advance(6 * MINUTE);
    const { oldestDue } = await app.inbox.stats();
    expect(oldestDue).toBeGreaterThanOrEqual(5 * MINUTE);
    expect(oldestDue).toBeLessThan(5 * MINUTE + SLACK);
    await app.post(payload());
    expect((await app.inbox.stats()).oldestDue).toBeGreaterThanOrEqual(5 * MINUTE);
  });
});
