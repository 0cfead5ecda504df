import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  PermanentError,
  type BulkSelection,
  type Cr3dentialsWebhookInbox,
  type DeliverySelection,
  type HandlerContext,
  type ReplayAllOptions,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { databases } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { inPlainText } from '../../support/app/keys.js';

class Ledger {
  static readonly booked: string[] = [];

  @OnVerification({ id: 'ledger.book' })
  book({ sessionId, status }: VerificationEvent, { isReplay }: HandlerContext): void {
    if (isReplay) Ledger.booked.push(sessionId);
    else if (status === 'ERROR') throw new PermanentError('The ledger is closed: 100%_!');
    else if (status === 'CANCELLED') throw new PermanentError('The account is unknown.');
  }

  @OnVerification({ id: 'ledger.note' })
  note({ status }: VerificationEvent): void {
    if (status === 'CANCELLED') throw new PermanentError('No paper.');
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe.each(databases)('many deliveries, on %s', (kind) => {
  const host = freshHost(kind);
  let app: WebhookApp;

  beforeEach(async () => {
    Ledger.booked.length = 0;
    app = await host.start((builder) => inPlainText(builder).withHandlers(Ledger));
  });

  /** Posts deliveries of a status, which come to a state. Returns their sessions, oldest first. */
  async function given(status: string, count: number, state = 'dead'): Promise<string[]> {
    const bodies = Array.from({ length: count }, () => payload({ status }));
    for (const body of bodies) await app.post(body);
    for (const { sessionId } of bodies) await app.delivery(sessionId, state);
    return bodies.map(({ sessionId }) => String(sessionId));
  }

  const sessions = async (selection?: DeliverySelection) =>
    (await all(app.inbox.each(selection))).map(({ sessionId }) => sessionId);

  it('are selected by state, status, platform, reason, handler, error, tenant and time, newest first', async () => {
    const begin = Date.now() - 60_000;
    const closed = await given('ERROR', 3);
    const unknown = await given('CANCELLED', 2);
    const completed = await given('COMPLETED', 2, 'completed');
    const newestFirst = [...closed, ...unknown, ...completed].toReversed();

    expect(await sessions()).toEqual(newestFirst);
    expect(await sessions({ state: 'completed' })).toEqual(completed.toReversed());
    expect(await sessions({ state: 'dead', status: 'ERROR' })).toEqual(closed.toReversed());
    expect(await sessions({ state: 'dead', handler: 'ledger.note' })).toEqual(unknown.toReversed());
    expect(await sessions({ handler: 'ledger.book' })).toEqual([...closed, ...unknown].toReversed());
    expect(await sessions({ error: 'LEDGER is closed: 100%_!' })).toEqual(closed.toReversed());
    expect(await sessions({ error: 'paper', handler: 'ledger.book' })).toEqual([]);
    expect(await sessions({ error: '%' })).toEqual(closed.toReversed()); // the character, and no wildcard
    const onThird = payload({ status: 'ERROR', platformId: 3 });
    await app.post(onThird);
    const third = await app.delivery(onThird.sessionId, 'dead');
    const beside = await host.database.connect();
    await beside.query(
      `UPDATE cr3dentials_webhook_delivery_state SET reason = 'crash-loop' WHERE delivery_id = '${third.id}'`,
    );
    expect(await sessions({ state: 'dead', platformId: 3 })).toEqual([third.sessionId]);
    expect(await sessions({ state: 'dead', platformId: 4 })).toEqual([]);
    expect(await sessions({ state: 'dead', reason: 'crash-loop' })).toEqual([third.sessionId]);
    expect(await sessions({ state: 'dead', reason: 'handler', error: 'ledger' })).toEqual(closed.toReversed());
    newestFirst.unshift(String(third.sessionId));
    expect(await sessions({ tenant: '' })).toEqual(newestFirst);
    expect(await sessions({ tenant: 'north' })).toEqual([]);
    expect(await sessions({ receivedBetween: [begin, new Date(begin + 600_000)] })).toEqual(newestFirst);
    expect(await sessions({ receivedBetween: [begin - 60_000, begin] })).toEqual([]);
    expect(await sessions({ receivedBetween: [-1e300, 1e300] })).toEqual(newestFirst);
    const receivedAt = (await app.inbox.list({ limit: 1 }))[0]?.receivedAt ?? 0;
    expect(await sessions({ receivedBetween: [receivedAt, receivedAt + 1] })).toContain(newestFirst[0]);
  });

  it('are replayed by a filter, and counted', async () => {
    const closed = await given('ERROR', 3);
    const unknown = await given('CANCELLED', 2);
    expect(await app.inbox.replayAll({ state: 'dead', error: 'the ledger is closed' })).toEqual({
      matched: 3,
      replayed: 3,
      busy: 0,
      completed: 0,
      purged: 0,
      erased: 0,
      unknown: 0,
    });
    for (const session of closed) await app.delivery(session, 'completed');
    for (const session of unknown) await app.delivery(session, 'dead');
    expect(Ledger.booked.toSorted()).toEqual(closed.toSorted());
  });

  it('are discarded by a filter, and counted', async () => {
    await given('ERROR', 3);
    await given('CANCELLED', 2);
    expect(await app.inbox.discardAll({ state: 'dead', handler: 'ledger.note' })).toEqual({
      matched: 2,
      discarded: 2,
      busy: 0,
      completed: 0,
      purged: 0,
      erased: 0,
      unknown: 0,
    });
    expect(await app.inbox.stats()).toMatchObject({ dead: 3, discarded: 2 });
  });

  it('have a named handler run again although it has completed', async () => {
    const completed = await given('COMPLETED', 2, 'completed');
    const done = await app.inbox.replayAll({ state: 'completed' }, { handlers: ['ledger.book'] });
    expect(done).toMatchObject({ matched: 2, replayed: 2 });
    for (const session of completed) await app.delivery(session, 'completed');
    await until('both ran again', () => Promise.resolve(Ledger.booked.length === 2));
  });

  it('are left alone when they have changed in the meantime', async () => {
    const [first, second] = await given('ERROR', 2);
    const { id: other } = await app.delivery(first, 'dead');
    const done = await app.inbox.replayAll(
      { state: 'dead' },
      { perSecond: 5, onProgress: ({ matched }) => void (matched === 1 && app.inbox.discard(other)) },
    );
    expect(done).toEqual({ matched: 2, replayed: 1, busy: 1, completed: 0, purged: 0, erased: 0, unknown: 0 });
    expect(Ledger.booked).toEqual([second]);
    await app.delivery(first, 'discarded');
  });
});

describe('a call for many deliveries', () => {
  const host = freshHost('sqlite');
  let inbox: Cr3dentialsWebhookInbox;
  let app: WebhookApp;

  beforeEach(async () => {
    app = await host.start((builder) => inPlainText(builder).withHandlers(Ledger));
    ({ inbox } = app);
  });

  async function dead(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => app.post(payload({ status: 'ERROR' }))));
    await until('all are dead', async () => (await inbox.stats()).dead === count);
  }

  it('goes through more than one page of them', async () => {
    await dead(601);
    const found = await all(inbox.each({ state: 'dead' }));
    expect(new Set(found.map(({ id }) => id)).size).toBe(601);
    expect(found.map(({ id }) => id)).toEqual(
      found
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
    expect(await inbox.discardAll({ state: 'dead' })).toMatchObject({ matched: 601, discarded: 601 });
  });

  it('tells its progress, keeps to its rate, and ends when it is told to', async () => {
    await dead(8);
    const told: number[] = [];
    const controller = new AbortController();
    const begun = performance.now();
    const done = await inbox.replayAll(
      { state: 'dead' },
      {
        perSecond: 20,
        signal: controller.signal,
        onProgress({ id, result, replayed, matched }) {
          expect([typeof id, result, matched]).toEqual(['string', 'replayed', replayed]);
          if (told.push(replayed) === 5) controller.abort();
        },
      },
    );
    expect(performance.now() - begun).toBeGreaterThanOrEqual(4 * 50 - 1);
    expect(told).toEqual([1, 2, 3, 4, 5]);
    expect(done).toMatchObject({ matched: 5, replayed: 5 });
  });

  it.each<[string, () => unknown, RegExp]>([
    ['no state', () => inbox.replayAll({} as BulkSelection), /"state" must be one of/],
    ['a state that has ended', () => inbox.replayAll({ state: 'completed' }), /"state" must be one of "pending"/],
    ['a state of no meaning', () => inbox.discardAll({ state: 'processing' as 'dead' }), /"state" must be one of/],
    ['an unknown condition', () => inbox.replayAll({ state: 'dead', handlr: 'x' } as BulkSelection), /mean "handler"/],
    ['an unknown option', () => inbox.replayAll({ state: 'dead' }, { rate: 1 } as ReplayAllOptions), /Unknown option/],
    ['a rate of none', () => inbox.replayAll({ state: 'dead' }, { perSecond: 0 }), /"perSecond" must be a number/],
    [
      'a handler that is not there',
      () => inbox.replayAll({ state: 'dead' }, { handlers: ['x'] }),
      /No live instance has a handler "x"/,
    ],
    ['a signal of another kind', () => inbox.discardAll({ state: 'dead' }, { signal: {} as AbortSignal }), /AbortSig/],
    ['half a period', () => all(inbox.each({ receivedBetween: [1] as never })), /two moments/],
    ['a period backwards', () => all(inbox.each({ receivedBetween: [2, 1] })), /ends before it begins/],
    ['an invalid date', () => all(inbox.each({ receivedBetween: [new Date('x'), 1] })), /a valid Date/],
    ['an unknown state', () => all(inbox.each({ state: 'ded' as 'dead' })), /"state" must be one of "pending"/],
    ['a list of an unknown state', () => inbox.list({ state: 'ded' as 'dead' }), /"state" must be one of "pending"/],
    ['a list before nonsense', () => inbox.list({ before: 'nonsense' }), /"before" must be an id/],
    ['a list of everything', () => inbox.list({ limit: 1_001 }), /"limit" must be a whole number from 1 to 1000/],
    ['a list of nothing', () => inbox.list({ limit: 0 }), /"limit" must be a whole number from 1/],
    ['a list by a typo', () => inbox.list({ sate: 'dead' } as never), /Did you mean "state"/],
    ['rejections of an unknown state', () => inbox.rejections.list({ state: 'x' as 'open' }), /"state" must be one/],
    ['rejections for an unknown reason', () => inbox.rejections.list({ reason: 'x' as 'invalid' }), /"reason" must/],
    ['rejections before nonsense', () => inbox.rejections.list({ before: '' }), /"before" must be an id/],
    ['all rejections by a typo', () => all(inbox.rejections.each({ rason: 'x' } as never)), /Did you mean "reason"/],
  ])('is refused with %s', async (_, call, message) => {
    await dead(1);
    await expect((async () => call())()).rejects.toThrow(message);
    expect((await inbox.stats()).dead).toBe(1);
  });
});
