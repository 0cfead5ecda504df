import { describe, expect, it } from '@jest/globals';
import { inPlainText } from '../../support/app/keys.js';
import {
  OnVerification,
  type HandlerContext,
  type RejectionDetails,
  type RejectionReason,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { Rejection } from '../../../src/inbox/rejection.entity.js';
import { DataSource } from 'typeorm';
import { uuidv7 } from 'uuidv7';
import { RememberEvents, WaitAtAGate } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

class Book {
  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
  }
}

/** The one open rejection of that reason. */
async function open(app: WebhookApp, reason: RejectionReason): Promise<RejectionDetails> {
  const rejections = await app.rejections({ reason });
  expect(rejections).toHaveLength(1);
  return rejections[0] as RejectionDetails;
}

/** A completed delivery, and other content for its session. */
async function conflict(app: WebhookApp) {
  const [first, second] = [
    payload(),
    payload({ status: 'ERROR', extractedData: null, platformId: 7, externalReferenceId: 'B-7' }),
  ];
  second.sessionId = first.sessionId;
  await app.post(first);
  const { id } = await app.delivery(first.sessionId, 'completed');
  expect((await app.post(second)).status).toBe(200);
  return { id, first, second, rejection: await open(app, 'conflict') };
}

describe.each(databases)('accepting and listing rejections, on %s', (kind) => {
  const host = freshHost(kind);

  function start(): Promise<WebhookApp> {
    return host.start((a) => withEffects(inPlainText(a)).withHandlers(RememberEvents, Book));
  }

  it('lists the open ones, newest first, and filters by reason, state and page', async () => {
    const app = await start();
    const { rejection } = await conflict(app);
    await app.post(payload({ status: 'ON_HOLD' }));
    await app.post(payload({ platformId: 'one' }));
    const { rejections } = app.inbox;

    const all = await rejections.list();
    expect(all.map(({ reason }) => reason)).toEqual(['invalid', 'unknown-status', 'conflict']);
    expect((await rejections.list({ reason: 'conflict' })).map(({ id }) => id)).toEqual([rejection.id]);
    expect((await rejections.list({ limit: 2 })).map(({ reason }) => reason)).toEqual(['invalid', 'unknown-status']);
    expect((await rejections.list({ before: all[1]?.id ?? '' })).map(({ id }) => id)).toEqual([rejection.id]);
    expect(await rejections.discard(rejection.id)).toBe(true);
    expect(await rejections.list()).toHaveLength(2);
    expect(await rejections.list({ state: 'discarded' })).toMatchObject([{ id: rejection.id, state: 'discarded' }]);
    expect(await app.inbox.stats()).toMatchObject({ openRejections: 2 });
  });

  it('replaces the recorded content with that of a conflict, and runs every handler for it', async () => {
    const app = await start();
    const { id, first, second, rejection } = await conflict(app);
    expect(app.nest.get(RememberEvents).statuses).toEqual(['COMPLETED']);
    expect(await app.inbox.rejections.accept(rejection.id)).toBe('accepted');
    const delivery = await app.delivery(first.sessionId, 'completed');

    expect(delivery).toMatchObject({ id, status: 'ERROR', platformId: 7, externalReferenceId: 'B-7' });
    expect(delivery.rawBody).toBe(JSON.stringify(second));
    expect(app.nest.get(RememberEvents).statuses).toEqual(['COMPLETED', 'ERROR']);
    expect(await effectsOf(app, first.sessionId)).toBe(2);
    const kept = await open(app, 'superseded');
    expect(kept).toMatchObject({ rawBody: JSON.stringify(first), detail: id, sessionId: first.sessionId, tenant: '' });
    expect(await app.rejections()).toEqual([kept]);
    await app.post(second); // is what is recorded now
    expect(await app.inbox.find(id)).toMatchObject({ duplicates: 1 });
  });

  it('runs every handler for an accepted conflict, although the delivery was replayed by name before', async () => {
    const app = await start();
    const { id, first, rejection } = await conflict(app);
    await app.inbox.replay(id, { handlers: ['book'] });
    await app.delivery(first.sessionId, 'completed');
    expect(await app.inbox.rejections.accept(rejection.id)).toBe('accepted');
    await app.delivery(first.sessionId, 'completed');

    expect(app.nest.get(RememberEvents).statuses).toEqual(['COMPLETED', 'ERROR']);
    expect(await effectsOf(app, first.sessionId)).toBe(3);
  });

  it('swaps a superseded content back, as often as it is asked to', async () => {
    const app = await start();
    const { id, first, second, rejection } = await conflict(app);
    await app.inbox.rejections.accept(rejection.id);
    await app.delivery(first.sessionId, 'completed');
    for (const [index, body] of [first, second, first].entries()) {
      const { id: superseded, rawBody: kept } = await open(app, 'superseded');
      expect(kept).toBe(JSON.stringify(body));
      expect(await app.inbox.rejections.accept(superseded)).toBe('accepted');
      expect(await app.delivery(first.sessionId, 'completed')).toMatchObject({ id, rawBody: kept });
      expect(await effectsOf(app, first.sessionId)).toBe(3 + index);
    }
    expect(app.nest.get(RememberEvents).statuses).toEqual(['COMPLETED', 'ERROR', 'COMPLETED', 'ERROR', 'COMPLETED']);
  });

  it('opens an accepted rejection again when the sender repeats it after it was superseded', async () => {
    const app = await start();
    const { first, second, rejection } = await conflict(app);
    await app.inbox.rejections.accept(rejection.id);
    await app.delivery(first.sessionId, 'completed');
    await app.inbox.rejections.accept((await open(app, 'superseded')).id);
    await app.delivery(first.sessionId, 'completed');
    await app.post(second);

    const repeated = await open(app, 'conflict');
    expect(repeated.rawBody).toBe(JSON.stringify(second));
    expect(await app.inbox.rejections.accept(repeated.id)).toBe('accepted');
  });

  it('returns "busy" for a conflict while a worker has claimed the delivery', async () => {
    const app = await host.start((a) => a.withHandlers(WaitAtAGate));
    const [first, second] = [payload(), payload({ status: 'ERROR' })];
    second.sessionId = first.sessionId;
    await app.post(first);
    const { rawBody: before } = await app.delivery(first.sessionId, 'processing');
    await app.post(second);
    const { id } = await open(app, 'conflict');
    expect(await app.inbox.rejections.accept(id)).toBe('busy');
    expect(await open(app, 'conflict')).toMatchObject({ id, state: 'open' });
    expect(await app.rejections({ reason: 'superseded' })).toEqual([]);
    app.nest.get(WaitAtAGate).gate.open();
    expect(await app.delivery(first.sessionId, 'completed')).toMatchObject({ rawBody: before });

    expect(await app.inbox.rejections.accept(id)).toBe('accepted');
    await app.delivery(first.sessionId, 'completed');
  });

  it('returns "rejected" for a status that is still unknown', async () => {
    const app = await start();
    const body = payload({ status: 'ON_HOLD' });
    await app.post(body);
    const rejection = await open(app, 'unknown-status');

    expect(await app.inbox.rejections.accept(rejection.id)).toBe('rejected');
    expect(await open(app, 'unknown-status')).toEqual(rejection);
    expect(await app.inbox.find({ sessionId: String(body.sessionId) })).toBeNull();
  });

  it.each(['invalid', 'unknown-status'] as const)(
    'makes a delivery of a rejection (%s) that has become valid',
    async (reason) => {
      const app = await start();
      const broken = payload(reason === 'invalid' ? { platformId: 'one' } : { status: 'ON_HOLD' });
      await app.post(broken);
      const { id } = await open(app, reason);
      const rawBody = JSON.stringify({ ...broken, platformId: 1, status: 'COMPLETED' }); // as if the contract had changed
      await app.nest.get(DataSource).getRepository(Rejection).update(id, { rawBody });
      expect(await app.inbox.rejections.accept(id)).toBe('accepted');

      expect(await app.delivery(broken.sessionId, 'completed')).toMatchObject({ rawBody, replays: 0 });
      expect(app.nest.get(RememberEvents).statuses).toEqual(['COMPLETED']);
      expect(await app.rejections({ state: 'accepted' })).toMatchObject([{ id }]);
    },
  );

  it('returns "duplicate" for content that has become a delivery already, and closes the rejection', async () => {
    const app = await start();
    const broken = payload({ platformId: 'one' });
    await app.post(broken);
    const { id } = await open(app, 'invalid');
    const valid = { ...broken, platformId: 1 };
    await app.nest
      .get(DataSource)
      .getRepository(Rejection)
      .update(id, { rawBody: JSON.stringify(valid) });
    await app.post(valid);
    await app.delivery(broken.sessionId, 'completed');

    expect(await app.inbox.rejections.accept(id)).toBe('duplicate');
    expect(await app.inbox.rejections.accept(id)).toBe('already-accepted');
    expect(app.nest.get(RememberEvents).statuses).toHaveLength(1);
  });

  it('accepts a rejection only once', async () => {
    const app = await start();
    const { first, rejection } = await conflict(app);
    const { rejections } = app.inbox;

    const acceptances = await Promise.all([rejections.accept(rejection.id), rejections.accept(rejection.id)]);
    expect(acceptances.toSorted()).toEqual(['accepted', expect.stringMatching(/^(already-accepted|duplicate)$/)]);
    await app.delivery(first.sessionId, 'completed');
    expect(await rejections.accept(rejection.id)).toBe('already-accepted');
    expect(await rejections.discard(rejection.id)).toBe(false);
    expect(app.nest.get(RememberEvents).statuses).toEqual(['COMPLETED', 'ERROR']);
    expect(await effectsOf(app, first.sessionId)).toBe(2);
  });

  it('accepts two conflicts of one session at the same moment, and loses the content of none', async () => {
    const app = await start();
    const { first, second, rejection } = await conflict(app);
    const third = { ...second, status: 'CANCELLED' };
    await app.post(third);
    const conflicts = await app.rejections({ reason: 'conflict' });
    expect(conflicts).toHaveLength(2);
    const outcomes = await Promise.all(
      conflicts.map((one) =>
        until('it is not busy', async () => {
          const outcome = await app.inbox.rejections.accept(one.id);
          return outcome === 'busy' ? null : outcome;
        }),
      ),
    );
    expect(outcomes).toEqual(['accepted', 'accepted']);
    const standing = (await app.delivery(first.sessionId, 'completed')).rawBody?.toString();
    const replaced = (await app.rejections({ reason: 'superseded' })).map(({ rawBody }) => rawBody?.toString());
    const sent = [first, second, third].map((body) => JSON.stringify(body));
    expect([standing, ...replaced].toSorted()).toEqual(sent.toSorted());
    expect(await app.inbox.rejections.accept(rejection.id)).toBe('already-accepted');
  });

  it('accepts a rejection that was discarded', async () => {
    const app = await start();
    const { first, rejection } = await conflict(app);
    const { rejections } = app.inbox;

    expect(await rejections.discard(rejection.id)).toBe(true);
    expect(await rejections.discard(rejection.id)).toBe(false);
    expect(await rejections.accept(rejection.id)).toBe('accepted');
    expect(await app.delivery(first.sessionId, 'completed')).toMatchObject({ status: 'ERROR' });
  });

  it('leaves a discarded rejection discarded when the sender repeats it', async () => {
    const app = await start();
    const { second, rejection } = await conflict(app);
    await app.inbox.rejections.discard(rejection.id);
    await app.post(second);

    expect(await app.rejections({ state: 'discarded' })).toMatchObject([{ id: rejection.id, repeats: 1 }]);
    expect(await app.rejections()).toEqual([]);
  });

  it('returns "unknown" for an id that does not exist', async () => {
    const app = await start();

    expect(await app.inbox.rejections.accept(uuidv7())).toBe('unknown');
    expect(await app.inbox.rejections.discard(uuidv7())).toBe(false);
  });
});
