import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Instrumentation } from '../../src/instrumentation/instrumentation.js';
import { DeliveryRescuer } from '../../src/processing/worker/delivery.rescuer.js';
import { InFlightDeliveries } from '../../src/processing/worker/in-flight.deliveries.js';
import type { DeliveryStateRepository } from '../../src/inbox/delivery-state.repository.js';
import type { ClaimedDelivery, Lease } from '../../src/inbox/delivery.factory.js';
import { databases, freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { StandaloneInbox, alone, unrecorded } from '../support/database/standalone-inbox.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

describe.each(databases)('the claims of two instances, on %s', (kind) => {
  let database: TestDatabase;
  let inboxes: StandaloneInbox[];
  let one: DeliveryStateRepository;
  let two: DeliveryStateRepository;

  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(async () => {
    database = await freshDatabase(kind);
    inboxes = [await StandaloneInbox.open(database), await StandaloneInbox.open(database)];
    [one, two] = inboxes.map(({ states }) => states) as [DeliveryStateRepository, DeliveryStateRepository];
  });

  afterEach(async () => {
    for (const inbox of inboxes) await inbox.close();
    await database?.drop();
  });

  it.each([3, 10, 50])('never return a delivery twice: 100 deliveries, 8 claimers, %d at a time', async (limit) => {
    const ids = await record(100);
    const claims: ClaimedDelivery[][] = [];
    const claimers = Array.from({ length: 8 }, async (_, n) => {
      for (;;) {
        const claimed = await (n % 2 ? one : two).claim(leaseOf(`worker ${n}`), NOW, limit);
        if (claimed.length === 0 && (await count('pending')) === 0) return;
        claims.push(claimed);
      }
    });
    await Promise.all(claimers);
    expect(
      claims
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids);
    expect(Math.max(...claims.map((claimed) => claimed.length))).toBeLessThanOrEqual(limit);
    expect(await rows()).toEqual(
      ids.map(() => expect.objectContaining({ state: 'processing', attempts: 1, next_attempt_at: null })),
    );
  });

  it('return what is due, the longest due first, with everything that a worker needs', async () => {
    const [late, later] = [unrecorded({ sessionId: 'späť' }, NOW - 5), unrecorded({ status: 'ERROR' }, NOW - 4)];
    await inboxes[0]?.deliveries.record([unrecorded({}, NOW + 1), later, late].map((delivery) => alone(delivery)));
    const { id, tenant, sessionId, status, rawBody, receivedAt } = late;
    expect(await two.claim(leaseOf('me'), NOW, 1)).toEqual([
      { id, tenant, sessionId, status, rawBody, receivedAt, attempts: 1, rescues: 0, replays: 0, onlyNamedHandlers: 0 },
    ]);
    expect(idsOf(await two.claim(leaseOf('me'), NOW, 10))).toEqual([later.id]);
    expect(await two.claim(leaseOf('me'), NOW, 10)).toEqual([]);
  });

  it('rescue only deliveries whose lease has expired', async () => {
    const [expired, current] = await recordLeased('dead', [NOW - 1, NOW]);
    await record(1);
    const [finished] = await recordLeased('dead', [NOW - MINUTE]);
    await one.complete([String(finished)], 'dead', 'completed', NOW);
    expect(idsOf(await two.rescueExpired(leaseOf('me'), NOW, 10, [], false))).toEqual([expired]);
    expect(await row(expired)).toMatchObject({ lease_owner: 'me', state: 'processing', attempts: 2, rescues: 1 });
    expect(await row(current)).toMatchObject({ lease_owner: 'dead', rescues: 0 });
  });

  it('rescue nothing that is in flight, and no more than the capacity', async () => {
    const ids = await recordLeased('me', [NOW - 4, NOW - 3, NOW - 2, NOW - 1]);
    expect(idsOf(await one.rescueExpired(leaseOf('me'), NOW, 2, ids.slice(0, 1), false))).toEqual(ids.slice(1, 3));
  });

  it('rescue each delivery once, however many workers try', async () => {
    const ids = await recordLeased(
      'dead',
      Array.from({ length: 60 }, (_, n) => NOW - 1_000 + n),
    );
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        (n % 2 ? one : two).rescueExpired(leaseOf(`worker ${n}`), NOW, 20, [], false),
      ),
    );
    const rest = await one.rescueExpired(leaseOf('worker 0'), NOW, 100, [], false);
    expect(idsOf([...taken.flat(), ...rest])).toEqual(ids);
    expect(await rows()).toEqual(ids.map(() => expect.objectContaining({ rescues: 1, attempts: 2 })));
  });

  it('rescue a delivery that has crashed workers alone, and mark it dead after its third crash', async () => {
    const ids = await recordLeased('first', [NOW - 3, NOW - 2, NOW - 1]);
    for (const n of [1, 2, 3]) await one.rescueExpired(leaseOf('second', NOW + n), NOW, 1, [], false);
    const now = NOW + 4;
    expect(await one.rescueExpired(leaseOf('me'), now, 10, [], false)).toEqual([]);

    const third = leaseOf('third', now + 1);
    const suspects: string[] = [];
    for (const repository of [one, two]) {
      const inFlight = new InFlightDeliveries();
      const rescuer = new DeliveryRescuer(repository, inFlight, { now: () => now }, new Instrumentation());
      const idle = new DeliveryRescuer(repository, new InFlightDeliveries(), { now: () => now }, new Instrumentation());
      const [suspect, ...others] = await rescuer.rescue(third, 10);
      expect(others).toEqual([]);
      expect(suspect).toMatchObject({ rescues: 2 });
      if (suspect) inFlight.add(suspect, third);
      expect(await rescuer.rescue(third, 10)).toEqual([]); // it has its hands full with that one
      expect(await idle.rescue(third, 0)).toEqual([]);
      suspects.push(String(suspect?.id));
    }
    expect(suspects).toEqual(ids.slice(0, 2));

    expect(await one.deadLetterPoisoned(now + 1, [])).toBe(0);
    expect(await one.deadLetterPoisoned(now + 2, suspects.slice(0, 1))).toBe(1);
    expect(await row(suspects[0])).toMatchObject({ state: 'processing' });
    const { finished_at: finishedAt, ...dead } = await row(suspects[1]);
    expect(dead).toMatchObject({ state: 'dead', reason: 'crash-loop', lease_owner: null, lease_expires_at: null });
    expect(Number(finishedAt)).toBe(now + 2);
    expect(await two.deadLetterPoisoned(now + 2, [])).toBe(1);
    expect(await row(ids[2])).toMatchObject({ state: 'processing', rescues: 1, reason: null });
  });

  it('do not rescue a delivery that is to be marked dead', async () => {
    const [id] = await recordLeased('first', [NOW - 1]);
    await one.rescueExpired(leaseOf('second', NOW + 1), NOW, 1, [], false);
    await one.rescueExpired(leaseOf('third', NOW + 3), NOW + 2, 1, [], true);
    expect(await row(id)).toMatchObject({ lease_owner: 'third', rescues: 2 });
    for (const suspects of [false, true]) {
      expect(await one.rescueExpired(leaseOf('fourth'), NOW + 4, 1, [], suspects)).toEqual([]);
    }
    expect(await one.deadLetterPoisoned(NOW + 4, [])).toBe(1);
  });

  it('do not rescue a suspect without capacity for it', async () => {
    const [, , suspect] = await recordLeased('dead', [NOW + 1, NOW + 2, NOW - 1]);
    await one.rescueExpired(leaseOf('second', NOW + 3), NOW, 1, [], false);
    const rescuer = new DeliveryRescuer(one, new InFlightDeliveries(), { now: () => NOW + 4 }, new Instrumentation());
    expect(await rescuer.rescue(leaseOf('me'), 2)).toHaveLength(2);
    expect(await row(suspect)).toMatchObject({ lease_owner: 'second' });
    expect(await rescuer.rescue(leaseOf('me'), 2)).toMatchObject([{ id: suspect, rescues: 2 }]);
  });

  it('reset the count of crashes once a worker has finished the delivery', async () => {
    const ids = await recordLeased('dead', [NOW - 2, NOW - 1]);
    await one.rescueExpired(leaseOf('me'), NOW, 10, [], false);
    await inTransaction((execute) => one.settle(execute, String(ids[0]), 'me', { nextAttemptAt: NOW }, NOW));
    await one.complete(ids.slice(1), 'me', 'completed', NOW);
    expect(await rows()).toEqual(ids.map(() => expect.objectContaining({ rescues: 0 })));
  });

  it('are renewed when they are still those of the worker, which is told which', async () => {
    const [mine, taken, finished] = await recordLeased('me', [NOW + 1, NOW - 1, NOW + 1]);
    const [foreign] = await recordLeased('another', [NOW + 1]);
    await two.rescueExpired(leaseOf('another', NOW + 5), NOW, 10, [], false);
    await one.complete([String(finished)], 'me', 'completed', NOW);
    const all = [mine, taken, finished, foreign].map(String);
    expect(await one.renew(leaseOf('me', NOW + MINUTE), all)).toEqual(new Set([mine]));
    expect(
      (await rows()).map((stored) => [stored.id, stored.lease_expires_at && Number(stored.lease_expires_at)]),
    ).toEqual([
      [mine, NOW + MINUTE],
      [taken, NOW + 5],
      [finished, null],
      [foreign, NOW + 1],
    ]);
  });

  it('are released as if they had never been made', async () => {
    const ids = await record(2);
    await one.claim(leaseOf('me'), NOW, 10);
    await one.release(ids.slice(0, 1), 'me', NOW + 7);
    expect(await row(ids[0])).toMatchObject({
      state: 'pending',
      attempts: 0,
      lease_owner: null,
      lease_expires_at: null,
    });
    expect(Number((await row(ids[0])).next_attempt_at)).toBe(NOW + 7);
    expect(await row(ids[1])).toMatchObject({ state: 'processing', attempts: 1 });
    expect(idsOf(await two.claim(leaseOf('another'), NOW + 7, 10))).toEqual(ids.slice(0, 1));
  });

  it.each<[string, (id: string) => Promise<unknown>, unknown]>([
    ['completes it in a batch', (id) => one.complete([id], 'me', 'completed', NOW), 0],
    ['completes it', (id) => inTransaction((execute) => one.settle(execute, id, 'me', 'completed', NOW)), false],
    ['marks it dead', (id) => inTransaction((execute) => one.settle(execute, id, 'me', 'dead', NOW)), false],
    [
      'postpones it',
      (id) => inTransaction((execute) => one.settle(execute, id, 'me', { nextAttemptAt: NOW }, NOW)),
      false,
    ],
    ['releases it', (id) => one.release([id], 'me', NOW), undefined],
    ['renews it', (id) => one.renew(leaseOf('me'), [id]), new Set()],
  ])('do not let a worker that has lost its lease change anything when it %s', async (_, change, answer) => {
    const [taken, ended] = await recordLeased('me', [NOW - 2, NOW - 1]);
    await two.rescueExpired(leaseOf('another'), NOW, 10, [], false);
    await two.complete([String(ended)], 'another', 'completed', NOW);
    const before = await rows();
    expect(await change(String(taken))).toEqual(answer);
    expect(await change(String(ended))).toEqual(answer);
    expect(await rows()).toEqual(before);
  });

  it.each<[string, (id: string) => Promise<unknown>, unknown, object]>([
    [
      'completes it in a batch',
      (id) => one.complete([id], 'me', 'unhandled', NOW),
      1,
      { state: 'unhandled', reason: null },
    ],
    [
      'completes it',
      (id) => inTransaction((execute) => one.settle(execute, id, 'me', 'completed', NOW)),
      true,
      { state: 'completed', reason: null },
    ],
    [
      'marks it dead',
      (id) => inTransaction((execute) => one.settle(execute, id, 'me', 'dead', NOW)),
      true,
      { state: 'dead', reason: 'handler' },
    ],
  ])('end with the lease when their worker %s', async (_, change, answer, stored) => {
    const [id, other] = await recordLeased('me', [NOW + 1, NOW + 1]);
    expect(await change(String(id))).toEqual(answer);
    expect(await row(id)).toMatchObject({
      ...stored,
      lease_owner: null,
      lease_expires_at: null,
      next_attempt_at: null,
    });
    expect(Number((await row(id)).finished_at)).toBe(NOW);
    expect(await row(other)).toMatchObject({ state: 'processing', lease_owner: 'me', finished_at: null });
  });

  /** Due for anyone. */
  async function record(howMany: number): Promise<string[]> {
    const deliveries = Array.from({ length: howMany }, () => unrecorded({}, NOW));
    await inboxes[0]?.deliveries.record(deliveries.map((delivery) => alone(delivery)));
    return deliveries.map(({ id }) => id);
  }

  /** Born in a worker’s hands, each with a lease of its own. */
  async function recordLeased(owner: string, expiries: number[]): Promise<string[]> {
    const batch = expiries.map((expiresAt) => alone(unrecorded({}, NOW - MINUTE), { owner, expiresAt }));
    await inboxes[0]?.deliveries.record(batch);
    return batch.map(({ delivery }) => delivery.id);
  }

  function inTransaction(work: Parameters<StandaloneInbox['connection']['transaction']>[0]): Promise<unknown> {
    return (inboxes[0] as StandaloneInbox).connection.transaction(work);
  }

  async function rows(): Promise<Record<string, unknown>[]> {
    return (inboxes[1] as StandaloneInbox).rows();
  }

  async function row(id: string | undefined): Promise<Record<string, unknown>> {
    return (await rows()).find((stored) => stored.id === id) ?? {};
  }

  async function count(state: string): Promise<number> {
    return (await rows()).filter((stored) => stored.state === state).length;
  }
});

function idsOf(claimed: ClaimedDelivery[]): string[] {
  return claimed.map(({ id }) => id).toSorted();
}

function leaseOf(owner: string, expiresAt = NOW + MINUTE): Lease {
  return { owner, expiresAt };
}
