import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/clock.js';
import { processingSettings } from '../../src/processing/processing.options.js';
import { Instrumentation } from '../../src/instrumentation/instrumentation.js';
import type { VerificationHandlersRegistry } from '../../src/processing/handlers/verification-handlers.registry.js';
import { DeliveryRescuer } from '../../src/processing/worker/delivery.rescuer.js';
import { InFlightDeliveries } from '../../src/processing/worker/in-flight.deliveries.js';
import type { ClaimRepository } from '../../src/inbox/claim.repository.js';
import type { RescueQuery, RescueRepository } from '../../src/inbox/rescue.repository.js';
import type { HandlerRun } from '../../src/inbox/handler-run.entity.js';
import type { DeliveryStateRepository } from '../../src/inbox/delivery-state.repository.js';
import type { Settlement, SettlementRepository } from '../../src/inbox/settlement.repository.js';
import type { ClaimedDelivery, Lease } from '../../src/inbox/claimed-delivery.js';
import { cr3dentialsWebhookEntities } from '../../src/inbox/entities.js';
import { DeliveryStateRow } from '../../src/inbox/delivery-state.entity.js';
import { databases, freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { StandaloneInbox, alone, claimsOf, unrecorded } from '../support/database/standalone-inbox.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

describe.each(databases)('the claims of two instances, on %s', (kind) => {
  let database: TestDatabase;
  let inboxes: StandaloneInbox[];
  let one: ClaimRepository;
  let two: ClaimRepository;
  let rescues: RescueRepository[];
  let rescuing: RescueRepository;
  let ours: DeliveryStateRepository;
  let theirs: DeliveryStateRepository;
  let settling: SettlementRepository;

  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(async () => {
    database = await freshDatabase(kind);
    inboxes = [await StandaloneInbox.open(database), await StandaloneInbox.open(database)];
    [one, two] = inboxes.map(({ claims }) => claims) as [ClaimRepository, ClaimRepository];
    rescues = inboxes.map((inbox) => inbox.rescues);
    [rescuing] = rescues as [RescueRepository];
    settling = (inboxes[0] as StandaloneInbox).settlements;
    [ours, theirs] = inboxes.map(({ states }) => states) as [DeliveryStateRepository, DeliveryStateRepository];
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
        if (claimed.length === 0 && (await countIn('pending')) === 0) return;
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
      ids.map(() => expect.objectContaining({ state: 'processing', dispatches: 1, next_attempt_at: null })),
    );
  });

  it('keep to their limit although the database believes that there is hardly a row', async () => {
    await record(200);
    const { dataSource } = inboxes[0] as StandaloneInbox;
    const table = 'cr3dentials_webhook_delivery_state';
    await dataSource.query(`DELETE FROM ${table}`);
    await dataSource.query(kind === 'mariadb' ? `ANALYZE TABLE ${table}` : `ANALYZE ${table}`);
    await record(300);
    expect(await one.claim(leaseOf('me'), NOW, 10)).toHaveLength(10);
    expect(await rescuing.rescueExpired(look(leaseOf('you', NOW + 9), NOW + 2 * MINUTE, 1, [], false))).toHaveLength(1);
    expect(await rescuing.rescueExpired(look(leaseOf('they'), NOW + 3 * MINUTE, 1, [], true))).toHaveLength(1);
  });

  it('return what is due, the longest due first, with everything that a worker needs', async () => {
    const [late, later] = [unrecorded({ sessionId: 'späť' }, NOW - 5), unrecorded({ status: 'ERROR' }, NOW - 4)];
    await inboxes[0]?.deliveries.record([unrecorded({}, NOW + 1), later, late].map((delivery) => alone(delivery)));
    const { id, tenant, sessionId, status, rawBody, receivedAt } = late;
    const progress = { dispatches: 1, rescues: 0, replays: 0, onlyNamedHandlers: 0, replayTraceContext: null };
    expect(await two.claim(leaseOf('me'), NOW, 1)).toEqual([
      {
        id,
        tenant,
        sessionId,
        status,
        rawBody,
        receivedAt,
        ...progress,
        isOpen: false,
        expectedHandlers: [],
        traceContext: null,
      },
    ]);
    expect(idsOf(await two.claim(leaseOf('me'), NOW, 10))).toEqual([later.id]);
    expect(await two.claim(leaseOf('me'), NOW, 10)).toEqual([]);
  });

  it('rescue only deliveries whose lease has expired', async () => {
    const [expired, current] = await recordLeased('dead', [NOW - 1, NOW]);
    await record(1);
    const [finished] = await recordLeased('dead', [NOW - MINUTE]);
    await ours.complete(claimsOf('dead', finished), 'completed', NOW);
    expect(idsOf(await rescuing.rescueExpired(look(leaseOf('me'), NOW, 10, [], false)))).toEqual([expired]);
    expect(await row(expired)).toMatchObject({ claim_id: 'me', state: 'processing', dispatches: 2, rescues: 1 });
    expect(await row(current)).toMatchObject({ claim_id: 'dead', rescues: 0 });
  });

  it('rescue nothing that is in flight, and no more than the capacity', async () => {
    const ids = await recordLeased('me', [NOW - 4, NOW - 3, NOW - 2, NOW - 1]);
    expect(idsOf(await rescuing.rescueExpired(look(leaseOf('me'), NOW, 2, ids.slice(0, 1), false)))).toEqual(
      ids.slice(1, 3),
    );
  });

  it('rescue each delivery once, however many workers try', async () => {
    const ids = await recordLeased(
      'dead',
      Array.from({ length: 60 }, (_, n) => NOW - 1_000 + n),
    );
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        (rescues[n % 2] as RescueRepository).rescueExpired(look(leaseOf(`worker ${n}`), NOW, 20, [], false)),
      ),
    );
    const rest = await rescuing.rescueExpired(look(leaseOf('worker 0'), NOW, 100, [], false));
    expect(idsOf([...taken.flat(), ...rest])).toEqual(ids);
    expect(await rows()).toEqual(ids.map(() => expect.objectContaining({ rescues: 1, dispatches: 2 })));
  });

  it('rescue a delivery that has crashed workers alone, and mark it dead after its third crash', async () => {
    const ids = await recordLeased('first', [NOW - 3, NOW - 2, NOW - 1]);
    for (const n of [1, 2, 3]) await rescuing.rescueExpired(look(leaseOf('second', NOW + n), NOW, 1, [], false));
    const now = NOW + 4;
    expect(await rescuing.rescueExpired(look(leaseOf('me'), now, 10, [], false))).toEqual([]);

    const third = leaseOf('third', now + 1);
    const suspects: string[] = [];
    for (const repository of rescues) {
      const inFlight = new InFlightDeliveries();
      const rescuer = rescuerOf(repository, inFlight, { now: () => now });
      const idle = rescuerOf(repository, new InFlightDeliveries(), { now: () => now });
      const [suspect, ...others] = await rescuer.rescue(third, 10);
      expect(others).toEqual([]);
      expect(suspect).toMatchObject({ rescues: 2 });
      if (suspect) inFlight.add(suspect, third);
      expect(await rescuer.rescue(third, 10)).toEqual([]); // it has its hands full with that one
      expect(await idle.rescue(third, 0)).toEqual([]);
      suspects.push(String(suspect?.id));
    }
    expect(suspects).toEqual(ids.slice(0, 2));

    expect(await rescuing.deadLetterPoisoned(third, now + 1, [])).toBe(0);
    expect(await rescuing.deadLetterPoisoned(leaseOf('fourth'), now + 2, suspects.slice(0, 1))).toBe(1);
    expect(await row(suspects[0])).toMatchObject({ state: 'processing' });
    const { finished_at: finishedAt, ...dead } = await row(suspects[1]);
    expect(dead).toMatchObject({ state: 'dead', reason: 'crash-loop', claim_id: null, lease_expires_at: null });
    expect(Number(finishedAt)).toBe(now + 2);
    expect(await rescuing.deadLetterPoisoned(leaseOf('fourth'), now + 2, [])).toBe(1);
    expect(await row(ids[2])).toMatchObject({ state: 'processing', rescues: 1, reason: null });
  });

  it('do not rescue a delivery that is to be marked dead', async () => {
    const [id] = await recordLeased('first', [NOW - 1]);
    await rescuing.rescueExpired(look(leaseOf('second', NOW + 1), NOW, 1, [], false));
    await rescuing.rescueExpired(look(leaseOf('third', NOW + 3), NOW + 2, 1, [], true));
    expect(await row(id)).toMatchObject({ claim_id: 'third', rescues: 2 });
    for (const suspects of [false, true]) {
      expect(await rescuing.rescueExpired(look(leaseOf('fourth'), NOW + 4, 1, [], suspects))).toEqual([]);
    }
    expect(await rescuing.deadLetterPoisoned(leaseOf('fourth'), NOW + 4, [])).toBe(1);
  });

  it('do not rescue a suspect without capacity for it', async () => {
    const [, , suspect] = await recordLeased('dead', [NOW + 1, NOW + 2, NOW - 1]);
    await rescuing.rescueExpired(look(leaseOf('second', NOW + 3), NOW, 1, [], false));
    const rescuer = rescuerOf(rescuing, new InFlightDeliveries(), { now: () => NOW + 4 });
    expect(await rescuer.rescue(leaseOf('me'), 2)).toHaveLength(2);
    expect(await row(suspect)).toMatchObject({ claim_id: 'second' });
    expect(await rescuer.rescue(leaseOf('me'), 2)).toMatchObject([{ id: suspect, rescues: 2 }]);
  });

  it('reset the count of crashes once a worker has finished the delivery', async () => {
    const ids = await recordLeased('dead', [NOW - 2, NOW - 1]);
    await rescuing.rescueExpired(look(leaseOf('me'), NOW, 10, [], false));
    await settling.settle(settlement('me', ids[0], { nextAttemptAt: NOW }), NOW);
    await ours.complete(claimsOf('me', ...ids.slice(1)), 'completed', NOW);
    expect(await rows()).toEqual(ids.map(() => expect.objectContaining({ rescues: 0 })));
  });

  it('are renewed when they are still those of the worker, which is told which', async () => {
    const [mine, taken, finished] = await recordLeased('me', [NOW + 1, NOW - 1, NOW + 1]);
    const [foreign] = await recordLeased('another', [NOW + 1]);
    await rescuing.rescueExpired(look(leaseOf('another', NOW + 5), NOW, 10, [], false));
    await ours.complete(claimsOf('me', finished), 'completed', NOW);
    expect(await one.renew(claimsOf('me', mine, taken, finished, foreign), NOW + MINUTE)).toEqual({
      renewed: new Set([mine]),
      rescued: new Set([taken, foreign]),
      erased: new Set(),
    });
    expect(
      (await rows()).map((stored) => [stored.id, stored.lease_expires_at && Number(stored.lease_expires_at)]),
    ).toEqual([
      [mine, NOW + MINUTE],
      [taken, NOW + 5],
      [finished, null],
      [foreign, NOW + 1],
    ]);
  });

  it('that expired in the hands of their own worker count as no crash, however often', async () => {
    const [id] = await recordLeased('me:1', [NOW - 1]);
    for (const n of [2, 3, 4, 5]) {
      const now = NOW + n * MINUTE;
      const lease = { claimId: `me:${n}`, expiresAt: now + 1 };
      expect(await rescuing.deadLetterPoisoned(lease, now, [])).toBe(0);
      expect(idsOf(await rescuing.rescueExpired(look(lease, now, 1, [], false)))).toEqual([id]);
    }
    expect(await row(id)).toMatchObject({ claim_id: 'me:5', rescues: 0, dispatches: 5 });
    const [suspect] = await recordLeased('gone:1', [NOW - 1]);
    for (const n of [1, 2])
      await rescuing.rescueExpired(look(leaseOf(`other ${n}:1`, NOW + n), NOW + n, 1, [id ?? ''], n > 1));
    expect(await row(suspect)).toMatchObject({ rescues: 2 });
    const again = { claimId: 'other 2:2', expiresAt: NOW + MINUTE };
    expect(await rescuing.deadLetterPoisoned(again, NOW + 3, [id ?? ''])).toBe(0);
    expect(idsOf(await rescuing.rescueExpired(look(again, NOW + 3, 1, [id ?? ''], true)))).toEqual([suspect]);
    expect(await row(suspect)).toMatchObject({ rescues: 2 });
  });

  it('that others have rescued from a worker are no crash of it once it says so, and of nobody else', async () => {
    const [mine, theirOwn, settled, kept] = await recordLeased('me:1', [NOW - 4, NOW - 3, NOW - 2, NOW + MINUTE]);
    await rescuing.rescueExpired(look(leaseOf('another:1'), NOW, 3, [], false));
    await settling.settle(settlement('another:1', settled, { nextAttemptAt: NOW }), NOW);
    await rescuing.undoRescues(leaseOf('me:2'), [mine, settled, kept].map(String));
    expect((await rows()).map(({ rescues: count }) => count)).toEqual([0, 1, 0, 0]);
    await rescuing.undoRescues(leaseOf('another:2'), [theirOwn].map(String));
    expect(await row(theirOwn)).toMatchObject({ rescues: 1, claim_id: 'another:1' });
  });

  it('end even if the clock of the database was set back', async () => {
    const [stray, long] = await recordLeased('gone', [NOW + 60 * MINUTE, NOW + 10 * MINUTE]);
    const rescuer = rescuerOf(rescuing, new InFlightDeliveries(), { now: () => NOW });
    expect(idsOf(await rescuer.rescue(leaseOf('me'), 10))).toEqual([stray]);
    expect(await row(long)).toMatchObject({ claim_id: 'gone', rescues: 0 });
  });

  it('do not wait for the clock of the database to come again to the time at which a delivery was recorded', async () => {
    const [fresh, soon, tried] = await record(3);
    const connection = await database.connect({ entities: [...cr3dentialsWebhookEntities] });
    const states = connection.getRepository(DeliveryStateRow);
    await states.update(String(fresh), { nextAttemptAt: NOW + 60 * MINUTE });
    await states.update(String(soon), { nextAttemptAt: NOW + 10 * MINUTE });
    await states.update(String(tried), { nextAttemptAt: NOW + 60 * MINUTE, dispatches: 1 }); // a handler may ask for that
    let now = NOW;
    const rescuer = rescuerOf(rescuing, new InFlightDeliveries(), { now: () => now });
    await rescuer.rescue(leaseOf('me'), 10);
    expect(idsOf(await one.claim(leaseOf('me'), NOW, 10))).toEqual([fresh]);
    await states.update(String(soon), { nextAttemptAt: NOW + 60 * MINUTE });
    now = NOW + MINUTE; // the clock goes on, so nobody looks
    await rescuer.rescue(leaseOf('me'), 10);
    expect(await one.claim(leaseOf('me'), now, 10)).toEqual([]);
    now = NOW - MINUTE;
    await rescuer.rescue(leaseOf('me'), 10);
    expect(idsOf(await one.claim(leaseOf('me'), now, 10))).toEqual([soon]);
  });

  it('of one delivery by one worker are told apart: the outcome of the first does not end the second', async () => {
    const [id] = await recordLeased('me:1', [NOW - 1]);
    await rescuing.rescueExpired(look({ claimId: 'me:2', expiresAt: NOW + MINUTE }, NOW, 1, [], false));
    const before = await rows();
    expect(await ours.complete(claimsOf('me:1', id), 'completed', NOW)).toEqual({ written: 0, locked: new Set() });
    expect(await settling.settle(settlement('me:1', id, 'dead'), NOW)).toBe(false);
    expect(await one.release(claimsOf('me:1', id), NOW)).toEqual(new Set());
    expect(await one.renew(claimsOf('me:1', id), NOW + 9)).toEqual({
      renewed: new Set(),
      rescued: new Set([id]),
      erased: new Set(),
    });
    expect(await rows()).toEqual(before);
  });

  it('are as many as a worker has: 40 000 are renewed and completed', async () => {
    const batch = Array.from({ length: 40_000 }, () => ({ id: randomUUID(), claimId: 'me:1' }));
    const [id] = await recordLeased('me:1', [NOW + 1]);
    const all = [...batch, ...claimsOf('me:1', id)];
    expect((await one.renew(all, NOW + MINUTE)).renewed).toEqual(new Set([id]));
    expect((await ours.complete(all, 'completed', NOW)).written).toBe(1);
  });

  it('are as many as a worker has: 40 000, each made by itself, are renewed, completed and released', async () => {
    const batch = Array.from({ length: 40_000 }, (_, n) => ({ id: randomUUID(), claimId: `me:${n}` }));
    const [completed, released] = await recordLeased('me:last', [NOW + 1, NOW + 1]);
    const [another] = await recordLeased('me:5', [NOW + 1]);
    const mistaken = claimsOf('me:6', another);
    const all = [...batch, ...mistaken, ...claimsOf('me:last', completed), ...claimsOf('me:last', released)];
    expect((await one.renew(all, NOW + MINUTE)).renewed).toEqual(new Set([completed, released]));
    expect((await ours.complete(all.slice(0, -1), 'completed', NOW)).written).toBe(1);
    expect(await one.release(all, NOW)).toEqual(new Set([released]));
  });

  it('are released as if they had never been made', async () => {
    const ids = await record(2);
    await one.claim(leaseOf('me'), NOW, 10);
    await one.release(claimsOf('me', ids[0]), NOW + 7);
    expect(await row(ids[0])).toMatchObject({
      state: 'pending',
      dispatches: 0,
      claim_id: null,
      lease_expires_at: null,
    });
    expect(Number((await row(ids[0])).next_attempt_at)).toBe(NOW + 7);
    expect(await row(ids[1])).toMatchObject({ state: 'processing', dispatches: 1 });
    expect(idsOf(await two.claim(leaseOf('another'), NOW + 7, 10))).toEqual(ids.slice(0, 1));
  });

  it.each<[string, (id: string) => Promise<unknown>, unknown]>([
    [
      'completes it in a batch',
      (id) => ours.complete(claimsOf('me', id), 'completed', NOW),
      { written: 0, locked: new Set() },
    ],
    ['completes it', (id) => settling.settle(settlement('me', id, 'completed'), NOW), false],
    ['marks it dead', (id) => settling.settle(settlement('me', id, 'dead'), NOW), false],
    ['postpones it', (id) => settling.settle(settlement('me', id, { nextAttemptAt: NOW }), NOW), false],
    ['ends it with others', (id) => settling.settleTogether([settlement('me', id, 'dead')], NOW), new Set()],
    ['releases it', (id) => one.release(claimsOf('me', id), NOW), new Set()],
    ['renews it', async (id) => (await one.renew(claimsOf('me', id), NOW + MINUTE)).renewed, new Set()],
  ])('do not let a worker that has lost its lease change anything when it %s', async (_, change, answer) => {
    const [taken, ended] = await recordLeased('me', [NOW - 2, NOW - 1]);
    await rescuing.rescueExpired(look(leaseOf('another'), NOW, 10, [], false));
    await theirs.complete(claimsOf('another', ended), 'completed', NOW);
    const before = await rows();
    expect(await change(String(taken))).toEqual(answer);
    expect(await change(String(ended))).toEqual(answer);
    expect(await rows()).toEqual(before);
  });

  it.each<[string, (id: string) => Promise<unknown>, unknown, object]>([
    [
      'completes it in a batch',
      (id) => ours.complete(claimsOf('me', id), 'unhandled', NOW),
      { written: 1, locked: new Set() },
      { state: 'unhandled', reason: null },
    ],
    [
      'completes it',
      (id) => settling.settle(settlement('me', id, 'completed'), NOW),
      true,
      { state: 'completed', reason: null },
    ],
    [
      'marks it dead',
      (id) => settling.settle(settlement('me', id, 'dead'), NOW),
      true,
      { state: 'dead', reason: 'handler' },
    ],
  ])('end with the lease when their worker %s', async (_, change, answer, stored) => {
    const [id, other] = await recordLeased('me', [NOW + 1, NOW + 1]);
    expect(await change(String(id))).toEqual(answer);
    expect(await row(id)).toMatchObject({
      ...stored,
      claim_id: null,
      lease_expires_at: null,
      next_attempt_at: null,
    });
    expect(Number((await row(id)).finished_at)).toBe(NOW);
    expect(await row(other)).toMatchObject({ state: 'processing', claim_id: 'me', finished_at: null });
  });

  it('end together, each with its outcome and its runs, but for what another has', async () => {
    const ids = await recordLeased('me', [NOW - 1, NOW + 2, NOW + 3, NOW + 4, NOW + 5]);
    const [taken, later, soon, dead, done] = ids.map(String) as [string, string, string, string, string];
    await rescuing.rescueExpired(look(leaseOf('another'), NOW, 1, [], false));
    const outcomes = [
      [taken, 'dead'],
      [later, { nextAttemptAt: NOW + MINUTE }],
      [soon, { nextAttemptAt: NOW + 1 }],
      [dead, 'dead'],
      [done, 'completed'],
    ] as const;
    const failed = {
      handler: 'h',
      state: 'pending',
      attempts: 1,
      nextAttemptAt: null,
      lastError: 'E',
      updatedAt: NOW,
    } as const;
    const runOf = (deliveryId: string): HandlerRun => ({ deliveryId, ...failed });
    const settlements = outcomes.map(([id, outcome]) => settlement('me', id, outcome, [runOf(id)]));
    const ended = await settling.settleTogether(settlements, NOW);
    expect([...ended].map(({ claim }) => claim.id)).toEqual([later, soon, dead, done]);
    const stored = await Promise.all(ids.map((id) => row(id)));
    expect(stored.map(({ state, claim_id: claim, reason }) => [state, claim, reason])).toEqual([
      ['processing', 'another', null],
      ['pending', null, null],
      ['pending', null, null],
      ['dead', null, 'handler'],
      ['completed', null, null],
    ]);
    expect(stored.map(({ next_attempt_at: due, finished_at: end }) => [Number(due), Number(end)])).toEqual([
      [0, 0],
      [NOW + MINUTE, 0],
      [NOW + 1, 0],
      [0, NOW],
      [0, NOW],
    ]);
    const runs = await inboxes[0]?.runs.findByDeliveries(ids.map(String));
    expect(new Set(runs?.keys())).toEqual(new Set([later, soon, dead, done]));
    expect(runs?.get(soon)).toEqual([{ ...runOf(soon), claims: 0 }]);
  });

  it('end together without the outcome of an earlier claim of the same delivery', async () => {
    const [id] = (await recordLeased('me:1', [NOW - 1])).map(String);
    await rescuing.rescueExpired(look({ claimId: 'me:2', expiresAt: NOW + MINUTE }, NOW, 1, [], false));
    const [earlier, later] = [settlement('me:1', id, 'dead'), settlement('me:2', id, { nextAttemptAt: NOW + 7 })];
    expect(await settling.settleTogether([earlier, later], NOW)).toEqual(new Set([later]));
    expect(await row(id)).toMatchObject({ state: 'pending', reason: null, claim_id: null });
    expect(Number((await row(id)).next_attempt_at)).toBe(NOW + 7);
  });

  /** Due for anyone. */
  async function record(howMany: number): Promise<string[]> {
    const deliveries = Array.from({ length: howMany }, () => unrecorded({}, NOW));
    await inboxes[0]?.deliveries.record(deliveries.map((delivery) => alone(delivery)));
    return deliveries.map(({ id }) => id);
  }

  /** Born in a worker’s hands, each with a lease of its own. */
  async function recordLeased(owner: string, expiries: number[]): Promise<string[]> {
    const batch = expiries.map((expiresAt) => alone(unrecorded({}, NOW - MINUTE), { claimId: owner, expiresAt }));
    await inboxes[0]?.deliveries.record(batch);
    return batch.map(({ delivery }) => delivery.id);
  }

  async function rows(): Promise<Record<string, unknown>[]> {
    return (inboxes[1] as StandaloneInbox).rows();
  }

  async function row(id: string | undefined): Promise<Record<string, unknown>> {
    return (await rows()).find((stored) => stored.id === id) ?? {};
  }

  async function countIn(state: string): Promise<number> {
    return (await rows()).filter((stored) => stored.state === state).length;
  }
});

function settlement(
  claimId: string,
  id: string | undefined,
  outcome: Settlement['outcome'],
  runs: HandlerRun[] = [],
): Settlement {
  return { claim: { id: String(id), claimId }, outcome, runs };
}

function idsOf(claimed: ClaimedDelivery[]): string[] {
  return claimed.map(({ id }) => id).toSorted();
}

function look(lease: Lease, now: number, limit: number, except: readonly string[], suspects: boolean): RescueQuery {
  return { lease, now, limit, except, suspects };
}

function leaseOf(owner: string, expiresAt = NOW + MINUTE): Lease {
  return { claimId: owner, expiresAt };
}

function rescuerOf(repository: RescueRepository, inFlight: InFlightDeliveries, clock: Clock): DeliveryRescuer {
  const handlers = { byStatus: new Map() } as unknown as VerificationHandlersRegistry;
  return new DeliveryRescuer(repository, inFlight, handlers, clock, new Instrumentation(), processingSettings());
}
