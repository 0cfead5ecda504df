import { beforeEach, describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError, type BulkRequest, type BulkState } from 'nestjs-cr3dentials-webhook';
import { uuidv7 } from 'uuidv7';
import { freshHost } from '../../support/app/fresh-host.js';
import { inPlainText } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

/** Is closed until it is opened. */
class Ledger {
  static isOpen = false;
  static runs = 0;

  @OnVerification({ id: 'ledger.book' })
  book(): void {
    Ledger.runs++;
    if (!Ledger.isOpen) throw new PermanentError('The ledger is closed.');
  }

  @OnVerification({ id: 'ledger.note' })
  note(): void {}
}

const DEAD: BulkRequest = { action: 'replay', selection: { state: 'dead', handler: 'ledger.book' } };
const BY = { by: 'anna@example.com', reason: 'the ledger is open again', source: 'page' } as const;

describe.each(databases)('bulk operations, on %s', (kind) => {
  const host = freshHost(kind);
  let app: WebhookApp;

  beforeEach(async () => {
    Object.assign(Ledger, { isOpen: false, runs: 0 });
    app = await host.start((a) => inPlainText(a).withHandlers(Ledger));
  });

  /** Posts deliveries that die. Returns their ids, oldest first. */
  async function dead(count: number): Promise<string[]> {
    const bodies = Array.from({ length: count }, () => payload());
    await Promise.all(bodies.map((body) => app.post(body)));
    const found = await Promise.all(bodies.map(({ sessionId }) => app.delivery(sessionId, 'dead')));
    return found.map(({ id }) => id).toSorted();
  }

  async function started(request: BulkRequest = DEAD, more: object = {}): Promise<string> {
    const { asOf, count: expected } = await app.inbox.bulk.preview(request);
    return (await app.inbox.bulk.start({ ...request, asOf, expected, rate: 1_000, ...BY, ...more })).id;
  }

  function ended(id: string, state: BulkState = 'completed') {
    return until(`operation ${id} is ${state}`, async () => {
      const found = await app.inbox.bulk.get(id);
      return found?.state === state ? found : null;
    });
  }

  it('are shown before anything is done', async () => {
    const ids = await dead(7);
    const before = await app.inbox.stats();
    const preview = await app.inbox.bulk.preview(DEAD);
    expect(preview).toMatchObject({
      count: 7,
      isCapped: false,
      groups: [{ handler: 'ledger.book', reason: 'handler', count: 7, isTransactional: false }],
    });
    expect(preview.examples.map(({ id }) => id)).toEqual(ids.slice(0, 5));
    expect(preview.examples[0]).not.toHaveProperty('rawBody');
    const received = await Promise.all(ids.map(async (id) => Number((await app.inbox.find(id))?.receivedAt)));
    const times = [preview.oldestReceivedAt, preview.newestReceivedAt];
    expect(times).toEqual([Math.min(...received), Math.max(...received)]);
    expect(await app.inbox.stats()).toEqual(before);
    expect(await app.inbox.bulk.list()).toEqual([]);
    const none = await app.inbox.bulk.preview({ action: 'discard', selection: { state: 'unhandled' } });
    expect(none).toMatchObject({ count: 0, groups: [], examples: [], oldestReceivedAt: null, newestReceivedAt: null });
  });

  it('replay each delivery of the preview once, and none that dies later', async () => {
    const ids = await dead(30);
    const { asOf, count: expected } = await app.inbox.bulk.preview(DEAD);
    const later = await dead(2);
    Ledger.isOpen = true;
    const { id } = await app.inbox.bulk.start({ ...DEAD, ...BY, asOf, expected, rate: 1_000 });
    expect(await ended(id)).toMatchObject({ done: 30, skipped: 0, deadAgain: 0, expected: 30, operator: BY.by });
    await until('all have run', async () => (await app.inbox.list({ state: 'completed' })).length === 30);
    const completed = await app.inbox.list({ state: 'completed' });
    expect(completed.map((delivery) => delivery.id).toSorted()).toEqual(ids);
    expect(new Set(completed.map(({ replays }) => replays))).toEqual(new Set([1]));
    const untouched = await app.inbox.list({ state: 'dead' });
    expect(untouched.map((delivery) => [delivery.id, delivery.replays]).toSorted()).toEqual(
      later.map((one) => [one, 0]),
    );
    const acts = await app.inbox.actions.list({ limit: 100 });
    const replays = acts.filter(({ action }) => action === 'replay');
    expect(replays.map(({ targetId }) => targetId).toSorted()).toEqual(ids);
    expect(new Set(replays.map(({ bulkId, operator, source }) => `${bulkId} ${operator} ${source}`))).toEqual(
      new Set([`${id} ${BY.by} page`]),
    );
    expect(await app.inbox.actions.list({ includeBulk: false })).toMatchObject([
      { action: 'bulk-start', targetId: id, operator: BY.by, reason: BY.reason, bulkId: null },
    ]);
    expect(
      app.logger.matching(
        new RegExp(`^LOG Operator action \\(page\\) by anna@example.com: started bulk operation ${id}`),
      ),
    ).toHaveLength(1);
  });

  it('begin with nothing else than what was counted', async () => {
    await dead(3);
    const { asOf, count } = await app.inbox.bulk.preview(DEAD);
    const start = (expected: number) => app.inbox.bulk.start({ ...DEAD, asOf, expected });
    await expect(start(4)).rejects.toMatchObject({ code: 'PREVIEW_OUTDATED' });
    const [one] = await app.inbox.list({ state: 'dead' });
    await app.inbox.discard(one?.id ?? '');
    await expect(start(count)).rejects.toThrow('2 deliveries are selected, not 3.');
    await expect(app.inbox.bulk.start({ ...DEAD, asOf, expected: 0 })).rejects.toMatchObject({
      code: 'PREVIEW_OUTDATED',
    });
    // A count stops one above the most, and would be that of every larger set.
    for (const wrong of [{ expected: 100_001 }, { asOf: asOf - 0.5 }, { asOf: -1 }])
      await expect(app.inbox.bulk.start({ ...DEAD, asOf, expected: 2, ...wrong })).rejects.toMatchObject({
        code: 'OPTIONS_INVALID',
      });
    expect(await app.inbox.bulk.list()).toEqual([]);
  });

  it('are of one platform, and of one reason, and of no other delivery', async () => {
    const [one] = await dead(2);
    const other = payload({ platformId: 3 });
    await app.post(other);
    const { id } = await app.delivery(other.sessionId, 'dead');
    const beside = await host.database.connect();
    await beside.query(
      `UPDATE cr3dentials_webhook_delivery_state SET reason = 'unreadable' WHERE delivery_id = '${one}'`,
    );
    for (const [condition, selected] of [
      [{ platformId: 3 }, id],
      [{ reason: 'unreadable' }, one],
    ] as const) {
      const request: BulkRequest = { action: 'discard', selection: { state: 'dead', ...condition } };
      expect(await app.inbox.bulk.preview(request)).toMatchObject({ count: 1, examples: [{ id: selected }] });
      const operation = await ended(await started(request));
      expect(operation).toMatchObject({ selection: { state: 'dead', ...condition }, done: 1, expected: 1 });
      expect((await app.inbox.find(String(selected)))?.state).toBe('discarded');
    }
    expect(await app.inbox.stats()).toMatchObject({ dead: 1, discarded: 2 });
  });

  it('discard', async () => {
    await dead(3);
    const id = await started({ action: 'discard', selection: { state: 'dead' } });
    expect(await ended(id)).toMatchObject({ done: 3, skipped: 0, deadAgain: 0 });
    expect(await app.inbox.stats()).toMatchObject({ dead: 0, discarded: 3 });
  });

  it('run named handlers of completed deliveries again', async () => {
    Ledger.isOpen = true;
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    const receivedBetween = [Date.now() - 60_000, Date.now() + 60_000] as const;
    const request = {
      action: 'replay',
      handlers: ['ledger.book'],
      selection: { state: 'completed', receivedBetween },
    } as const;
    const id = await started(request);
    expect(await ended(id)).toMatchObject({ done: 1, handlers: ['ledger.book'] });
    await until('it has run again', () => Ledger.runs === 2);
  });

  it('are paused, go on and are cancelled, each once, with the name of the operator', async () => {
    await dead(4);
    Ledger.isOpen = true;
    const id = await started(DEAD, { rate: 0.5 }); // a delivery in two seconds
    await until('the first is done', async () => (await app.inbox.bulk.get(id))?.done === 1);
    expect(await app.inbox.bulk.pause(id, BY)).toMatchObject({
      isChanged: true,
      operation: { state: 'paused', pausedBy: 'operator', instance: null },
    });
    expect(await app.inbox.bulk.pause(id, BY)).toMatchObject({ isChanged: false });
    expect((await app.inbox.bulk.get(id))?.done).toBe(1);
    expect(await app.inbox.bulk.resume(id, { ...BY, rate: 100 })).toMatchObject({
      isChanged: true,
      operation: { rate: 100, pausedBy: null },
    });
    expect(await ended(id)).toMatchObject({ done: 4 });
    expect(await app.inbox.bulk.cancel(id, BY)).toMatchObject({ isChanged: false, operation: { state: 'completed' } });
    const acts = await app.inbox.actions.list({ targetId: id });
    expect(acts.map(({ action, operator }) => [action, operator])).toEqual([
      ['bulk-resume', BY.by],
      ['bulk-pause', BY.by],
      ['bulk-start', BY.by],
    ]);
    await until('they have run again', async () => (await app.inbox.list({ state: 'completed' })).length === 4);
    Ledger.isOpen = false;
    await dead(3);
    const second = await started(DEAD, { rate: 0.1 });
    expect(await app.inbox.bulk.cancel(second, BY)).toMatchObject({
      isChanged: true,
      operation: { state: 'cancelled' },
    });
    expect(await app.inbox.bulk.resume(second)).toMatchObject({ isChanged: false });
    expect((await app.inbox.bulk.list()).map((operation) => operation.id)).toEqual([second, id]);
    expect((await app.inbox.bulk.list({ state: 'cancelled' })).map((operation) => operation.id)).toEqual([second]);
    for (const change of ['pause', 'resume', 'cancel'] as const)
      expect(await app.inbox.bulk[change](uuidv7())).toBeNull();
  });

  it('stop by themselves when what they replay is dead again', async () => {
    await dead(90);
    const id = await started(DEAD, { rate: 40 });
    const stopped = await ended(id, 'paused');
    expect(stopped).toMatchObject({ pausedBy: 'dead-again', instance: null });
    expect(stopped.done).toBeLessThanOrEqual(60);
    expect(stopped.deadAgain).toBeGreaterThan(4);
    expect(
      app.logger.matching(/^WARN Bulk operation .* paused by itself: \d+ of \d+ replayed deliveries are dead/),
    ).toHaveLength(1);
    Ledger.isOpen = true;
    await app.inbox.bulk.resume(id, { rate: 1_000 });
    expect(await ended(id)).toMatchObject({ done: 90, skipped: 0 });
    await until('the others have run', async () => (await app.inbox.stats()).completed === 90 - stopped.done);
  });

  it('count what somebody has decided meanwhile as skipped', async () => {
    const ids = await dead(3);
    Ledger.isOpen = true;
    const id = await started(DEAD, { rate: 0.5 });
    await until('the first is done', async () => (await app.inbox.stats()).completed === 1);
    for (const one of ids) await app.inbox.discard(one);
    await app.inbox.bulk.pause(id);
    await app.inbox.bulk.resume(id, { rate: 100 });
    expect(await ended(id)).toMatchObject({ done: 1, skipped: 2 });
    expect(await app.inbox.stats()).toMatchObject({ discarded: 2, completed: 1 });
  });

  it.each([
    [{ ...DEAD, selection: {} }, '"selection.state"'],
    [{ ...DEAD, selection: { state: 'processing' } }, '"selection.state"'],
    [{ ...DEAD, selection: { state: 'dead', sattus: 'ERROR' } }, 'Unknown option "sattus"'],
    [{ ...DEAD, selection: { state: 'pending' } }, '"selection.receivedBetween" is missing'],
    [{ ...DEAD, handlers: ['nobody'] }, 'No live instance has a handler "nobody". Name one of ledger'],
    [{ ...DEAD, handlers: [] }, 'No live instance has a handler'],
    [{ ...DEAD, action: 'discard', handlers: ['ledger.book'] }, '"handlers" is for a replay'],
    [{ action: 'delete', selection: { state: 'dead' } }, '"action"'],
    [{ ...DEAD, asOf: 1 }, 'Unknown option "asOf"'],
  ])('refuse %j', async (request, message) => {
    await expect(app.inbox.bulk.preview(request as BulkRequest)).rejects.toThrow(message);
  });

  it.each([
    [{ rate: 0 }, '"rate"'],
    [{ rate: 1_001 }, '"rate"'],
    [{ pauseAt: 2 }, '"pauseAt"'],
    [{ expected: -1 }, '"expected"'],
    [{ by: '' }, '"by"'],
  ])('do not start with %j', async (more, message) => {
    await expect(app.inbox.bulk.start({ ...DEAD, asOf: 1, expected: 1, ...more })).rejects.toThrow(message);
  });
});
