import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, PermanentError, VerificationCompleted, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { HOLDER } from '../../support/app/canaries.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { from, ShreddableKeys, TenantKeys, withKeysOf, withTenants } from '../../support/app/tenant-keys.js';
import type { WebhookApp, WebhookAppBuilder } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { dumpRows, type Dump } from '../../support/database/dump.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const REFERENCE = 'reference-of-a-person-8841';
const ERROR = 'secret-word-5512';
const UNKNOWN_ID = '0198c1f0-7a3b-7c11-9a55-000000000000';

/** Completes what is completed, and dies of what is errored. Nobody handles the rest. */
@Injectable()
class DieOfErrors {
  @OnVerification(VerificationErrored, { id: 'die' })
  die(): never {
    throw new PermanentError(ERROR);
  }

  @OnVerification(VerificationCompleted, { id: 'complete' })
  complete(): void {}
}

/** Brings a session of a person into a state. */
const STATES: Record<string, (app: WebhookApp) => Promise<Record<string, unknown>>> = {
  completed: (app) => sent(app, {}, 'completed'),
  dead: (app) => sent(app, { status: 'ERROR' }, 'dead'),
  unhandled: (app) => sent(app, { status: 'CANCELLED' }, 'unhandled'),
  async discarded(app) {
    const body = await sent(app, { status: 'CANCELLED' }, 'unhandled');
    await app.inbox.discard((await app.delivery(body.sessionId, 'unhandled')).id);
    return body;
  },
};

async function sent(app: WebhookApp, more: object, state: string): Promise<Record<string, unknown>> {
  const body = payload({ externalReferenceId: REFERENCE, ...more });
  await app.post(body);
  await app.delivery(body.sessionId, state);
  return body;
}

function withoutDuplicates(dump: Dump): Dump {
  const delivery_state = dump.delivery_state.map((row) => ({ ...row, duplicates: 0 }));
  return { ...dump, delivery_state };
}

describe.each(databases)('erasing, on %s', (kind) => {
  const host = freshHost(kind);
  const dump = () => dumpRows(host.database);

  describe.each(['completed', 'dead', 'unhandled', 'discarded'])('a session that is %s', (state) => {
    it('leaves a tombstone, and a repetition changes nothing but a number', async () => {
      const app = await host.start((a) => a.withHandlers(DieOfErrors));
      const body = await STATES[state]?.(app);
      const sessionId = String(body?.sessionId);
      await app.post({ ...body, status: 'TERMINATED' }); // a conflict
      await app.post({ ...body, status: 'NEW' });
      const { id, idempotencyKey } = await app.delivery(sessionId, state);
      const before = JSON.stringify(await dump());
      for (const word of [sessionId, ...(process.env.TEST_ENCRYPTION === 'on' ? [] : [HOLDER, REFERENCE])])
        expect(before).toContain(word);

      const erasure = await app.inbox.erase({ sessionId }, { reason: 'on request', requestedBy: 'ticket 7' });
      expect(erasure).toMatchObject({
        kind: 'session',
        state: 'done',
        sessionKeys: [idempotencyKey],
        deliveries: 1,
        rejections: 2,
        unprocessed: state === 'dead' || state === 'unhandled' ? 1 : 0,
        interrupted: 0,
        reason: 'on request',
        requestedBy: 'ticket 7',
        unsearchable: [],
      });
      expect(app.logger.matching(/^LOG Erasure .*: erased 1 delivery, 0 of them .* and 2 rejections\./)).toHaveLength(
        1,
      );
      const after = await dump();
      for (const word of [sessionId, HOLDER, REFERENCE, ERROR, 'NEW', 'TERMINATED'])
        expect(JSON.stringify(after)).not.toContain(word);
      expect(after.handler_run).toEqual([]);
      expect(after.rejection).toEqual([]);
      expect(await app.inbox.find(id)).toMatchObject({
        state: 'erased',
        contents: 'erased',
        rawBody: null,
        sessionId: null,
        status: null,
        platformId: null,
        externalReferenceId: null,
        dispatches: 0,
        runs: [],
      });

      for (const repetition of [body, { ...body, status: 'TERMINATED' }, { ...body, status: 'NEW' }, { sessionId }])
        expect((await app.post(repetition)).status).toBe(200);
      expect(await app.inbox.find({ sessionId })).toMatchObject({ id, duplicates: 4, lastDuplicateAt: null });
      expect(withoutDuplicates(await dump())).toEqual(withoutDuplicates(after));
      expect(await app.inbox.ingest(body ?? {})).toBe('erased');
      expect(await app.inbox.replay(id)).toBe('erased');
      expect(await app.inbox.replay(id, { handlers: ['complete'] })).toBe('erased');
      expect(await app.inbox.discard(id)).toBe('erased');
      expect(await app.inbox.list({ state: 'erased' })).toMatchObject([{ id }]);
      expect(await app.inbox.stats()).toMatchObject({ erased: 1, completed: 0, dead: 0, openRejections: 0 });
      expect(await app.inbox.erase({ sessionId })).toMatchObject({ state: 'done', deliveries: 0, rejections: 0 });
    });
  });

  it('takes a session that waits, and one whose contents were purged', async () => {
    const clock = new MovingClock();
    const options = { ...RECEIVE_ONLY, retention: { payload: '30d' } } as const;
    const app = await host.start((a) => a.withClock(clock).withOptions(options));
    const waiting = await sent(app, {}, 'pending');
    const purged = await sent(app, {}, 'pending');
    await app.inbox.discard((await app.delivery(purged.sessionId, 'pending')).id);
    clock.advance(31 * 86_400_000);
    await app.inbox.retention.run();
    for (const [{ sessionId }, unprocessed] of [[waiting, 1] as const, [purged, 0] as const])
      expect(await app.inbox.erase({ sessionId: String(sessionId) })).toMatchObject({ deliveries: 1, unprocessed });
    const rows = JSON.stringify(await dump());
    for (const word of [HOLDER, REFERENCE, String(waiting.sessionId), String(purged.sessionId)])
      expect(rows).not.toContain(word);
  });

  it('of a session that has not arrived keeps it out for good', async () => {
    const app = await host.start((a) => a.withHandlers(RememberEvents));
    const body = payload();
    const sessionId = String(body.sessionId);
    expect(await app.inbox.erase({ sessionId })).toMatchObject({ state: 'done', deliveries: 0, rejections: 0 });
    const before = await dump();
    for (const one of [body, { ...body, status: 'NEW' }, { sessionId }]) expect((await app.post(one)).status).toBe(200);
    expect(withoutDuplicates(await dump())).toEqual(withoutDuplicates(before));
    expect(before.delivery).toHaveLength(1);
    expect(JSON.stringify(before)).not.toContain(sessionId);
    const other = payload();
    await app.post(other);
    await app.delivery(other.sessionId, 'completed');
    expect(app.nest.get(RememberEvents).sessionIds).toEqual([other.sessionId]);
  });

  it('by a reference takes all sessions of its tenant, under every key and none, and leaves later ones', async () => {
    const bodies = Array.from({ length: 3 }, () => payload({ externalReferenceId: REFERENCE }));
    const others = [payload(), payload({ externalReferenceId: REFERENCE })];
    const accepting = { plaintext: 'accept' } as const;
    const steps: ((app: WebhookAppBuilder) => WebhookAppBuilder)[] = [
      sealedWith(['k-1'], { current: null, ...accepting }),
      sealedWith(['k-1'], accepting),
      sealedWith(['k-2', 'k-1'], accepting),
    ];
    for (const [n, step] of steps.entries()) {
      const app = await host.start((a) => withTenants(step(a)).withOptions(RECEIVE_ONLY));
      await app.post(bodies[n], from('anna'));
      await app.post({ ...bodies[n], externalReferenceId: null }, from('anna')); // a conflict of another reference
      await app.post(payload({ status: 'NEW', externalReferenceId: REFERENCE }), from('anna'));
      await app.post({ externalReferenceId: REFERENCE }, from('anna')); // without a session
      if (n === 0) await app.post(others[0], from('anna'));
      if (n === 0) await app.post(others[1], from('berta'));
      await host.stop(app);
    }
    const app = await host.start((a) => withTenants(steps[2]?.(a) ?? a).withOptions(RECEIVE_ONLY));
    const preview = await app.inbox.erase({ externalReferenceId: REFERENCE, tenant: 'anna' }, { dryRun: true });
    const erasure = await app.inbox.erase({ externalReferenceId: REFERENCE, tenant: 'anna' });
    expect(preview).toMatchObject({ id: null, state: 'preview', deliveries: 3, unprocessed: 3, sweepAfter: null });
    expect(erasure).toMatchObject({ state: 'done', deliveries: 3, rejections: preview.rejections, unsearchable: [] });
    expect(erasure.rejections).toBeGreaterThanOrEqual(8);
    expect(erasure.sessionKeys).toHaveLength(6); // those that only a rejection names, too
    expect(JSON.stringify(erasure)).not.toContain(REFERENCE);
    const rows = await dump();
    expect(rows.rejection).toEqual([]);
    for (const { sessionId } of bodies) expect(JSON.stringify(rows)).not.toContain(String(sessionId));
    await app.delivery(others[0]?.sessionId, 'pending', 'anna');
    await app.delivery(others[1]?.sessionId, 'pending', 'berta');
    const later = payload({ externalReferenceId: REFERENCE });
    await app.post(later, from('anna'));
    await app.delivery(later.sessionId, 'pending', 'anna');
  });

  it('says what it could not search, because its key is missing', async () => {
    const provider = new TenantKeys();
    const first = await host.start(withKeysOf(provider));
    const body = payload({ externalReferenceId: REFERENCE });
    await first.post(body, from('anna'));
    await first.delivery(body.sessionId, 'completed', 'anna');
    await host.stop(first);
    provider.isDown = true;
    const subject = { externalReferenceId: REFERENCE, tenant: 'anna' };
    const app = await host.start(withKeysOf(provider));
    expect(await app.inbox.erase(subject)).toMatchObject({ deliveries: 0, unsearchable: ['anna-1'] });
    expect(app.logger.matching(/^ERROR Erasure .* is not complete/)).toHaveLength(1);
    expect(await app.inbox.erase({ ...subject, tenant: 'berta' })).toMatchObject({ unsearchable: [] });
    expect(await app.inbox.erase({ sessionId: String(body.sessionId), tenant: 'anna' })).toMatchObject({
      deliveries: 1, // by session it needs no key
    });
  });

  it('is known of whatever arrives later, also while no key can be had', async () => {
    const provider = new TenantKeys();
    const first = await host.start(withKeysOf(provider));
    const body = payload();
    await first.post(body, from('anna'));
    await first.delivery(body.sessionId, 'completed', 'anna');
    await first.inbox.erase({ sessionId: String(body.sessionId), tenant: 'anna' });
    await host.stop(first);
    const before = await dump();
    provider.isDown = true;
    const app = await host.start(withKeysOf(provider));
    const invalid = { sessionId: body.sessionId };
    expect((await app.post(invalid, from('anna'))).status).toBe(200); // before the first question about a key
    for (const late of [body, { ...body, status: 'NEW' }, { ...body, externalReferenceId: REFERENCE }])
      expect((await app.post(late, from('anna'))).status).toBe(200);
    expect((await app.post(payload(), from('anna'))).status).toBe(503);
    expect((await app.post(body, from('berta'))).status).toBe(503); // erased of another tenant
    expect((await app.inbox.stats()).refused.unavailable).toBe(2);
    const after = await dump();
    expect(after.delivery_state.map(({ duplicates }) => Number(duplicates))).toEqual([4]);
    expect(withoutDuplicates(after)).toEqual(withoutDuplicates(before));
  });

  it('of a rejection takes that one alone', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    const body = payload();
    for (const status of ['COMPLETED', 'ERROR', 'CANCELLED']) await app.post({ ...body, status });
    const [newer, older] = await app.inbox.rejections.list();
    const erasure = await app.inbox.erase({ rejectionId: String(older?.id) });
    expect(erasure).toMatchObject({ kind: 'rejection', tenant: null, deliveries: 0, rejections: 1 });
    expect((await app.inbox.rejections.list()).map(({ id }) => id)).toEqual([newer?.id]);
    await app.delivery(body.sessionId, 'pending');
    expect(await app.inbox.erase({ rejectionId: UNKNOWN_ID })).toMatchObject({ state: 'done', rejections: 0 });
  });

  it('of a tenant takes everything of it in batches, and destroys its keys last', async () => {
    const provider = new ShreddableKeys();
    const app = await host.start(withKeysOf(provider));
    const posts = (n: number, tenant: 'anna' | 'berta') =>
      Promise.all(Array.from({ length: n }, () => app.post(payload(), from(tenant))));
    await posts(620, 'anna');
    await posts(2, 'berta');
    await app.post(payload({ status: 'NEW' }), from('anna'));
    await app.post(payload({ status: 'NEW' }), from('berta'));
    const one = payload();
    await app.post(one, from('anna'));
    await app.inbox.erase({ sessionId: String(one.sessionId), tenant: 'anna' });
    const statesAtDestruction: unknown[] = [];
    const destroy = provider.destroy.bind(provider);
    provider.destroy = async (tenant) => {
      statesAtDestruction.push(await app.inbox.list({ tenant: 'anna', limit: 10 }));
      await destroy(tenant);
    };
    expect(await app.inbox.erase({ tenant: 'anna' }, { dryRun: true })).toMatchObject({
      deliveries: 620,
      rejections: 1,
    });
    const erasure = await app.inbox.erase({ tenant: 'anna' }, { shred: true });
    expect(erasure).toMatchObject({ kind: 'tenant', sessionKeys: [], deliveries: 620, rejections: 1, shred: true });
    expect(statesAtDestruction).toEqual([[]]);
    expect([...provider.destroyed]).toEqual(['anna-1']);
    const rows = JSON.stringify(await dump());
    expect(rows).not.toContain('anna');
    expect(await app.inbox.list({ tenant: 'berta' })).toHaveLength(2);
    expect(await app.inbox.rejections.list()).toMatchObject([{ tenant: 'berta' }]);
    const keys = await (await host.database.connect()).query<object[]>('SELECT tenant FROM cr3dentials_webhook_key');
    expect(keys).toEqual([{ tenant: 'berta' }]);
    expect(await app.inbox.stats()).toMatchObject({ erased: 621 });
  });

  it('of a delivery whose key was destroyed happens by itself, and no handler runs', async () => {
    const provider = new TenantKeys();
    const first = await host.start((a) => withKeysOf(provider)(a).withOptions(RECEIVE_ONLY));
    const body = payload({ externalReferenceId: REFERENCE });
    await first.post(body, from('anna'));
    const { id } = await first.delivery(body.sessionId, 'pending', 'anna');
    await host.stop(first);
    provider.destroyed.add('anna-1');
    const app = await host.start(withKeysOf(provider));
    const erased = await app.delivery(body.sessionId, 'erased', 'anna');
    expect(erased).toMatchObject({ id, reason: 'shredded', contents: 'erased', sessionId: null });
    expect(app.nest.get(RememberEvents).events).toEqual([]);
    expect(app.logger.matching(/^WARN Erased 1 delivery whose key was destroyed/)).toHaveLength(1);
    expect(JSON.stringify(await dump())).not.toContain(String(body.sessionId));
  });

  it('refuses what it does not understand, before anything is done', async () => {
    const app = await host.start((a) => sealedWith(['k-1'])(a).withOptions(RECEIVE_ONLY));
    const { sessionId } = await sent(app, {}, 'pending');
    const { erase } = app.inbox;
    const tried = (subject: object, options: object = {}) =>
      erase.call(app.inbox, subject as { sessionId: string }, options).then(
        () => 'erased',
        (error: Error & { code: string }) => `${error.code} ${error.message}`,
      );
    for (const [subject, options, message] of [
      [{}, {}, /Name one thing to erase/],
      [{ sessionId, rejectionId: UNKNOWN_ID }, {}, /Name one thing to erase/],
      [{ rejectionId: UNKNOWN_ID, tenant: 'anna' }, {}, /Name one thing to erase/],
      [{ sessionId: '' }, {}, /"sessionId" must be a string that is not empty/],
      [{ tenant: '' }, {}, /"tenant" is empty/],
      [{ session: sessionId }, {}, /Unknown option "session"\. Did you mean "sessionId"/],
      [{ rejectionId: 'one' }, {}, /"rejectionId" must be an id/],
      [{ sessionId }, { wait: -1 }, /"wait" must be a whole number/],
      [{ sessionId }, { reason: 'x'.repeat(501) }, /"reason" is longer than 500 characters/],
      [{ sessionId }, { shred: true }, /"shred" destroys the keys of a tenant/],
      [{ tenant: 'anna' }, { shred: true }, /"shred" needs a KeyProvider with the method "destroy"/],
    ] as const) {
      const answer = await tried(subject, options);
      expect(answer).toMatch(/^OPTIONS_INVALID /);
      expect(answer).toMatch(message);
    }
    await app.delivery(sessionId, 'pending');
    expect(await app.inbox.erasures.list()).toEqual([]);
  });

  it('keeps records, and prunes them with their tombstones if it is asked', async () => {
    const clock = new MovingClock();
    const retention = { tombstones: '30d', deliveries: '7d', interval: 86_400_000 } as const;
    const app = await host.start((a) => a.withClock(clock).withOptions({ ...RECEIVE_ONLY, retention }));
    const ids: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      const { sessionId } = await sent(app, { completedAt: null }, 'pending');
      ids.unshift((await app.inbox.erase({ sessionId: String(sessionId) })).id);
    }
    const all = await app.inbox.erasures.list();
    expect(all.map(({ id }) => id)).toEqual(ids);
    expect(await app.inbox.erasures.list({ before: String(ids[0]), limit: 1 })).toEqual([all[1]]);
    clock.advance(29 * 86_400_000);
    expect(await app.inbox.retention.run()).toMatchObject({ pruned: 0 });
    clock.advance(2 * 86_400_000);
    expect(await app.inbox.retention.preview()).toMatchObject({ pruned: 3 });
    expect(await app.inbox.retention.run()).toMatchObject({ pruned: 3 });
    expect((await dump()).delivery).toEqual([]);
    expect(await app.inbox.erasures.list()).toHaveLength(3); // they have not been swept
  });
});
