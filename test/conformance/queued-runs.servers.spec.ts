import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from '../../src/database/sql.js';
import type { HandlerRun } from '../../src/inbox/handler-run.entity.js';
import type { ClaimedQueuedRun } from '../../src/inbox/queued-run.js';
import { freshDatabase, servers, type TestDatabase } from '../support/database/databases.js';
import { alone, StandaloneInbox, unrecorded } from '../support/database/standalone-inbox.js';

const NOW = 1_800_000_000_000;
const REPLAY = { handlers: undefined, traceContext: null };
const LEASE_MS = 30_000;
const HANDLER = 'reports';

describe.each(servers)('runs that a queue places, on %s', (kind) => {
  let database: TestDatabase;
  let one: StandaloneInbox;
  let two: StandaloneInbox;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    [one, two] = [await StandaloneInbox.open(database), await StandaloneInbox.open(database)];
  });

  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    await database.drop();
  });

  /** Records a delivery that a relay is processing, with a run that waits in a queue. */
  async function enqueuedDelivery(): Promise<string> {
    const delivery = unrecorded();
    await one.deliveries.record([alone(delivery, { claimId: 'relay', expiresAt: NOW + LEASE_MS })]);
    expect(await one.queued.store([{ deliveryId: delivery.id, handler: HANDLER }], NOW)).toEqual(
      new Set([delivery.id]),
    );
    return delivery.id;
  }

  /** The relay has ended its pass, and comes again after a minute. */
  async function settled(id: string, claims = 0): Promise<void> {
    const enqueued = [{ deliveryId: id, handler: HANDLER, claims }];
    const outcome = { nextAttemptAt: NOW + 60_000 };
    expect(await one.settlements.settle({ claim: { id, claimId: 'relay' }, outcome, runs: [], enqueued }, NOW)).toBe(
      true,
    );
  }

  async function stateOf(id: string) {
    const row = (await two.rows()).find((stored) => stored.id === id);
    const [run] = await two.queued.find([{ deliveryId: id, handler: HANDLER }]);
    return { state: row?.state, dueAt: Number(row?.next_attempt_at), run: run?.state, attempts: run?.attempts };
  }

  it('are claimed by one worker, whoever else tries', async () => {
    const id = await enqueuedDelivery();
    const claims = await Promise.all([one, two, one, two].map((inbox, n) => claim(inbox, id, `claim ${n}`)));
    expect(claims.flat()).toHaveLength(1);
    expect(claims.flat()[0]?.delivery).toMatchObject({ id, isOpen: false });
  });

  it('are made due to be closed, and closed by no worker', async () => {
    const id = await enqueuedDelivery();
    await settled(id);
    const claimed = await claim(two, id, 'first');
    expect(await two.queued.finish([ended(claimed, { state: 'completed' })], NOW + 5)).toBe(1);
    expect(await stateOf(id)).toEqual({ state: 'pending', dueAt: NOW + 5, run: 'completed', attempts: 1 });
  });

  it('that end or fail before the pass has settled are not overlooked by it', async () => {
    const [ending, failing] = [await enqueuedDelivery(), await enqueuedDelivery()];
    const completed = ended(await claim(two, ending, 'first'), { state: 'completed' });
    const failed = ended(await claim(two, failing, 'second'), { attempts: 1, nextAttemptAt: NOW + 20 });
    expect(await two.queued.finish([completed, failed], NOW)).toBe(2);
    await settled(ending);
    await settled(failing);
    expect((await stateOf(ending)).dueAt).toBe(NOW);
    expect((await stateOf(failing)).dueAt).toBe(NOW + 20);
  });

  it('that wait in the queue are left there by the pass, and those that run until the end of their lease', async () => {
    const [waiting, running] = [await enqueuedDelivery(), await enqueuedDelivery()];
    await claim(two, running, 'first');
    await settled(waiting);
    await settled(running);
    expect((await stateOf(waiting)).dueAt).toBe(NOW + 60_000);
    expect((await stateOf(running)).dueAt).toBe(NOW + LEASE_MS);
  });

  it('have one outcome: that of a worker that has lost its lease is refused', async () => {
    const id = await enqueuedDelivery();
    await settled(id);
    const frozen = await claim(one, id, 'frozen');
    expect(await claim(two, id, 'early', NOW + LEASE_MS - 1)).toEqual([]);
    const next = await claim(two, id, 'next', NOW + LEASE_MS + 1);
    expect(next[0]?.rescues).toBe(1);
    expect(await one.queued.renew([(frozen[0] as ClaimedQueuedRun).claim], NOW + 90_000)).toEqual(new Set());
    expect(await one.queued.finish([ended(frozen, { state: 'dead' })], NOW)).toBe(0);
    expect(await two.queued.finish([ended(next, { state: 'completed' })], NOW)).toBe(1);
    expect(await stateOf(id)).toMatchObject({ run: 'completed', attempts: 1 });
  });

  it('begin no transaction without their claim', async () => {
    const id = await enqueuedDelivery();
    const [frozen] = await claim(one, id, 'frozen');
    await claim(two, id, 'next', NOW + LEASE_MS + 1);
    const lock = (claimId: string) =>
      one.connection.transaction((execute) =>
        one.runs.lock(execute, { deliveryId: id, handler: HANDLER, replays: 0, claimId }, NOW),
      );
    expect(await lock(String(frozen?.claim.claimId))).toBe('locked');
    expect(await lock('next')).toMatchObject({ deliveryId: id });
  });

  it('are kept by their worker while it renews, and while its own transaction has the row', async () => {
    const id = await enqueuedDelivery();
    const [{ claim: own }] = (await claim(one, id, 'first')) as [ClaimedQueuedRun];
    expect(await one.queued.renew([own], NOW + 2 * LEASE_MS)).toEqual(new Set(['first']));
    expect(await claim(two, id, 'next', NOW + LEASE_MS + 1)).toEqual([]);
    await one.connection.transaction(async (execute) => {
      await one.runs.lock(execute, { deliveryId: id, handler: HANDLER, replays: 0, claimId: 'first' }, NOW);
      expect(await two.queued.renew([own], NOW + 3 * LEASE_MS)).toEqual(new Set(['first']));
      expect(await claim(two, id, 'next', NOW + 5 * LEASE_MS)).toEqual([]);
    });
  });

  it('keep operators off while a worker has them', async () => {
    const id = await enqueuedDelivery();
    await settled(id);
    const now = Date.now(); // the clock of the repository of states
    const claimed = await one.queued.claim([{ deliveryId: id, handler: HANDLER, claimId: 'first' }], now, 2 * now);
    expect(await two.states.replay(id, sql`SELECT 1`, REPLAY)).toBe('busy');
    expect(await two.states.discard(id, sql`SELECT 1`)).toBe('busy');
    await one.queued.finish([ended(claimed, { state: 'pending', nextAttemptAt: now })], now);
    expect(await two.states.replay(id, sql`SELECT 1`, REPLAY)).toBe('replayed');
    expect(await two.states.discard(id, sql`SELECT 1`)).toBe('discarded');
    expect(await claim(two, id, 'late', 2 * now)).toEqual([]);
  });

  it('are given once more when a queue has lost them, and the others are left alone', async () => {
    const [lost, running] = [await enqueuedDelivery(), await enqueuedDelivery()];
    await settled(lost);
    await claim(two, running, 'first');
    await settled(running);
    expect(await one.queued.recover(NOW + 1)).toBe(1);
    expect((await stateOf(lost)).dueAt).toBe(NOW + 1);
    expect((await stateOf(running)).dueAt).toBe(NOW + LEASE_MS);
  });
});

async function claim(inbox: StandaloneInbox, id: string, claimId: string, now = NOW): Promise<ClaimedQueuedRun[]> {
  return inbox.queued.claim([{ deliveryId: id, handler: HANDLER, claimId }], now, now + LEASE_MS);
}

function ended(claimed: ClaimedQueuedRun[], change: Partial<HandlerRun>) {
  const [{ claim: own, run }] = claimed as [ClaimedQueuedRun];
  return { claim: own, run: { ...run, ...change }, isCommitted: false };
}
