import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, type Erasure, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { RejectionRepository } from '../../../src/inbox/rejection.repository.js';
import { TombstoneRepository } from '../../../src/inbox/tombstone.repository.js';
import { ErasureSweeper } from '../../../src/retention/erasure.sweeper.js';
import { ErasureExecutor } from '../../../src/retention/erasure.executor.js';
import { RememberEvents, WaitAtAGate } from '../../support/app/doubles.js';
import { freshHost, Gate, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { dumpRows, restoreRows } from '../../support/database/dump.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

/** Renews its leases three times in this. */
const SHORT_LEASE = { processing: { lease: 4_000 } } as const;
const HOUR_MS = 3_600_000;

/** Has written in its transaction, and waits for its gate to be opened. */
@Injectable()
class WaitInATransaction {
  readonly gate = new Gate();

  @OnVerification({ id: 'wait-in-a-transaction', transactional: true })
  async handle(_: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.query('SELECT 1');
    await this.gate.pass();
  }
}

function sweep(app: WebhookApp): Promise<void> {
  return app.nest.get(ErasureSweeper, { strict: false }).run();
}

async function sent(app: WebhookApp, state: string): Promise<{ body: Record<string, unknown>; sessionId: string }> {
  const body = payload();
  await app.post(body);
  await app.delivery(body.sessionId, state);
  return { body, sessionId: String(body.sessionId) };
}

/** As `getMaxListeners()`, which refuses a signal on Node.js 20. */
function maxListenersOf(signal: AbortSignal): unknown {
  const symbol = Object.getOwnPropertySymbols(signal).find(
    ({ description }) => description === 'events.maxEventTargetListeners',
  );
  return symbol && Reflect.get(signal, symbol);
}

describe.each(databases)('an erasure, on %s', (kind) => {
  const host = freshHost(kind);
  const dump = () => dumpRows(host.database);

  it('lets a handler come to its end', async () => {
    const app = await host.start((a) => a.withHandlers(WaitAtAGate));
    const handler = app.nest.get(WaitAtAGate);
    const { sessionId } = await sent(app, 'processing');
    let isErased = false;
    const erasing = app.inbox.erase({ sessionId }).finally(() => (isErased = true));
    await sleep(600);
    expect(isErased).toBe(false);
    expect(await app.inbox.erase({ sessionId }, { dryRun: true })).toMatchObject({ deliveries: 1, unprocessed: 1 });
    handler.gate.open();
    expect(await erasing).toMatchObject({ state: 'done', deliveries: 1, unprocessed: 0, interrupted: 0 });
    expect(handler.signals[0]?.aborted).toBe(false);
    expect(JSON.stringify(await dump())).not.toContain(sessionId);
  });

  it('may wait beside many others, and Node.js warns of no leak', async () => {
    const app = await host.start((a) => a.withHandlers(WaitAtAGate));
    const execute = jest.spyOn(app.nest.get(ErasureExecutor, { strict: false }), 'execute');
    const sessions = [];
    for (let n = 0; n < 12; n++) sessions.push((await sent(app, 'processing')).sessionId);
    const erasing = sessions.map((sessionId) => app.inbox.erase({ sessionId }));
    await until('all wait', () => execute.mock.calls.length === sessions.length);
    for (const [, { signal }] of execute.mock.calls) expect(maxListenersOf(signal)).toBe(0);
    app.nest.get(WaitAtAGate).gate.open();
    expect(await Promise.all(erasing)).toHaveLength(12);
  });

  it('aborts a handler on another instance that takes longer, and keeps nothing of its outcome', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    const worker = await host.start((a) => a.withHandlers(WaitAtAGate).withOptions(SHORT_LEASE)); // it has the log
    const handler = worker.nest.get(WaitAtAGate);
    const { sessionId } = await sent(worker, 'processing');
    const erasure = await app.inbox.erase({ sessionId }, { wait: 300 });
    expect(erasure).toMatchObject({ state: 'done', deliveries: 1, unprocessed: 1, interrupted: 1 });
    await until('its signal is aborted', () => handler.signals[0]?.aborted);
    await until('it says so', () => worker.logger.matching(/^LOG Aborted the handlers of 1 delivery, erased/)[0]);
    const before = await dump();
    handler.gate.open();
    await until('the handler has ended', () => handler.running === 0);
    const next = await sent(worker, 'completed');
    expect(handler.runs).toHaveLength(2); // not once more for the first
    await app.inbox.erase({ sessionId: next.sessionId });
    expect((await dump()).delivery).toHaveLength(before.delivery.length + 1);
    expect((await dump()).handler_run).toEqual([]);
    expect(worker.logger.matching(/the handlers run again|another worker holds it/)).toEqual([]);
  });

  it('says that an outcome is not kept, and not that handlers run again', async () => {
    const worker = await host.start((a) => a.withHandlers(WaitAtAGate));
    const handler = worker.nest.get(WaitAtAGate);
    const [good, bad] = [await sent(worker, 'processing'), await sent(worker, 'processing')];
    for (const { sessionId } of [good, bad]) await worker.inbox.erase({ sessionId }, { wait: 0 });
    const before = await dump();
    handler.gate.open();
    await until('it says so', () => worker.logger.matching(/^LOG The outcome of (1 delivery|2 deliveries), erased/)[0]);
    handler.gate = new Gate();
    handler.error = new Error('it failed');
    const late = await sent(worker, 'processing');
    await worker.inbox.erase({ sessionId: late.sessionId }, { wait: 0 });
    handler.gate.open();
    await until('it says so again', () => worker.logger.matching(/^LOG The outcome of 1 delivery, erased/).at(-1));
    await sleep(50);
    expect(worker.logger.matching(/the handlers run again/)).toEqual([]);
    const after = await dump();
    expect(after.handler_run).toEqual([]);
    expect(after.delivery_state.slice(0, 2)).toEqual(before.delivery_state);
  });

  it('meets the transaction of a handler, and takes what that leaves at its second look', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withHandlers(WaitInATransaction).withClock(clock));
    const handler = app.nest.get(WaitInATransaction);
    const { sessionId } = await sent(app, 'processing');
    await until('it waits in its transaction', () => handler.gate.arrivals > 0);
    const erasing = app.inbox.erase({ sessionId }, { wait: 0 });
    await sleep(500);
    handler.gate.open();
    expect(await erasing).toMatchObject({ deliveries: 1 });
    await until('its run is committed, or is not', async () => app.logger.matching(/^LOG The outcome of/)[0]);
    await sweep(app); // it is not due
    expect(await app.inbox.erasures.list()).toMatchObject([{ sweptAt: null }]);
    expect((await dump()).handler_run).toHaveLength(1);
    clock.advance(HOUR_MS);
    await sweep(app);
    await sweep(app);
    const rows = await dump();
    expect(rows.handler_run).toEqual([]);
    expect(rows.delivery_state).toMatchObject([{ state: 'erased' }]);
    expect(await app.inbox.erasures.list()).toMatchObject([{ state: 'swept', sweptAt: expect.any(Number) }]);
  });

  it('takes a conflict that was just being kept at its second look', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY).withClock(clock));
    const { body, sessionId } = await sent(app, 'pending');
    const tombstones = app.nest.get(TombstoneRepository, { strict: false });
    const find = tombstones.find.bind(tombstones);
    let erasure: Erasure | undefined;
    tombstones.find = async (key) => {
      const found = await find(key);
      erasure ??= await app.inbox.erase({ sessionId });
      return found;
    };
    expect((await app.post({ ...body, status: 'ERROR' })).status).toBe(200);
    tombstones.find = find;
    expect(erasure).toMatchObject({ deliveries: 1, rejections: 0 });
    expect(await app.inbox.rejections.list()).toHaveLength(1);
    clock.advance(HOUR_MS);
    await sweep(app);
    expect(await app.inbox.rejections.list()).toEqual([]);
    expect(await app.inbox.erasures.list()).toMatchObject([{ state: 'swept', rejections: 1 }]);
    expect(app.logger.matching(/^LOG Erasure .*: erased what was being written at the time/)).toHaveLength(1);
    await sweep(app);
    expect(await app.inbox.erasures.list()).toMatchObject([{ rejections: 1 }]);
  });

  it('is not undone by accepting a conflict that was just being kept', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    const { body, sessionId } = await sent(app, 'pending');
    await app.inbox.erase({ sessionId });
    const tombstones = app.nest.get(TombstoneRepository, { strict: false });
    const find = tombstones.find.bind(tombstones);
    tombstones.find = () => Promise.resolve(undefined); // as if it had looked before
    const rejections = app.nest.get(RejectionRepository, { strict: false });
    const conflict = { ...body, status: 'ERROR' };
    const kept = { reason: 'conflict', detail: 'x', rawBody: JSON.stringify(conflict), tenant: '', sessionId } as const;
    await rejections.save(kept, Date.now());
    tombstones.find = find;
    const before = (await dump()).delivery;
    const [rejection] = await app.inbox.rejections.list();
    expect(await app.inbox.rejections.accept(String(rejection?.id))).toBe('erased');
    const after = await dump();
    expect(after.rejection).toEqual([]);
    expect(after.delivery).toEqual(before);
  });

  it('takes what a POST has recorded while it was being searched for by its reference', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    await sent(app, 'pending');
    const records = app.nest.get(ErasureExecutor, { strict: false });
    const execute = records.execute.bind(records);
    let late: string | undefined;
    records.execute = async (...given) => {
      const isDone = await execute(...given);
      if (late !== undefined) return isDone;
      late = (await sent(app, 'pending')).sessionId;
      const beside = await host.database.connect();
      await beside.query(`UPDATE cr3dentials_webhook_delivery SET received_at = 1 WHERE session_id = '${late}'`);
      return isDone;
    };
    const erasure = await app.inbox.erase({ externalReferenceId: 'user_abc123' });
    expect(erasure).toMatchObject({ state: 'done', deliveries: 2 });
    expect(erasure.sessionKeys).toHaveLength(2);
  });

  it.each(['session', 'tenant'] as const)('of a %s whose process has died is gone on with', async (what) => {
    const clock = new MovingClock();
    const tenant = { auth: { resolveSecrets: () => ({ tenant: 'anna', secrets: ['secret-of-anna-123456'] }) } };
    const start = () => host.start((a) => a.withClock(clock).withOptions({ ...RECEIVE_ONLY, ...tenant }));
    const [app, other] = [await start(), await start()];
    const body = payload();
    await app.post(body, { headers: { 'x-api-key': 'secret-of-anna-123456' } });
    await app.post({ ...body, status: 'NEW' }, { headers: { 'x-api-key': 'secret-of-anna-123456' } });
    const sessionId = String(body.sessionId);
    app.nest.get(TombstoneRepository, { strict: false }).erase = () => Promise.reject(new Error('as if it had died'));
    const subject = what === 'session' ? { sessionId, tenant: 'anna' } : { tenant: 'anna' };
    await expect(app.inbox.erase(subject)).rejects.toThrow('as if it had died');
    expect(JSON.stringify(await dump())).toContain(sessionId);
    await sweep(other); // it may still be under way
    expect(JSON.stringify(await dump())).toContain(sessionId);
    clock.advance(HOUR_MS);
    await sweep(app); // it fails again, and says so
    // The loggers of Nest are those of the app that was started last.
    expect(other.logger.matching(/^WARN Could not continue an erasure, will retry/)).toHaveLength(1);
    clock.advance(HOUR_MS);
    await sweep(other);
    expect(JSON.stringify(await dump())).not.toContain(sessionId);
    expect(await other.inbox.erasures.list()).toMatchObject([{ state: 'done', deliveries: 1, rejections: 1 }]);
    clock.advance(HOUR_MS);
    await sweep(other);
    expect(await other.inbox.erasures.list()).toMatchObject([{ state: 'swept' }]);
  });

  it('that waits for a handler when its app is closed is gone on with', async () => {
    const clock = new MovingClock();
    const worker = await host.start((a) => a.withHandlers(WaitAtAGate).withClock(clock));
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY).withClock(clock));
    const { sessionId } = await sent(worker, 'processing');
    const erasing = app.inbox.erase({ sessionId });
    await until('it is recorded', async () => (await worker.inbox.erasures.list()).length > 0);
    await sleep(100);
    await host.stop(app);
    expect(await erasing).toMatchObject({ state: 'requested', deliveries: 0, finishedAt: null });
    worker.nest.get(WaitAtAGate).gate.open();
    await worker.delivery(sessionId, 'completed');
    clock.advance(HOUR_MS);
    await sweep(worker);
    expect(await worker.inbox.erasures.list()).toMatchObject([{ state: 'done', deliveries: 1, interrupted: 0 }]);
  });

  it('is done again after a restore, from the records that were kept elsewhere', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    const [one, other] = [await sent(app, 'pending'), await sent(app, 'pending')];
    await app.post({ ...one.body, status: 'NEW' });
    await app.post({ externalReferenceId: 'user_abc123' }); // found by no session
    const backup = await dump();
    const never = String(payload().sessionId);
    const erasures = [
      await app.inbox.erase({ externalReferenceId: 'user_abc123' }, { reason: 'on request' }),
      await app.inbox.erase({ sessionId: never }),
    ];
    const kept = JSON.parse(JSON.stringify(erasures)) as Erasure[];
    await restoreRows(host.database, backup);
    await app.delivery(one.sessionId, 'pending'); // it is back
    expect(await app.inbox.erasures.list()).toEqual([]); // and the record is not

    for (const times of [1, 2]) {
      const again = await app.inbox.erasures.reapply(kept);
      expect(again).toMatchObject([
        { id: erasures[0]?.id, state: 'done', reason: 'on request', deliveries: 2, rejections: 2 },
        { id: erasures[1]?.id, state: 'done', deliveries: 0 },
      ]);
      const rows = await dump();
      for (const { sessionId } of [one, other]) expect(JSON.stringify(rows)).not.toContain(sessionId);
      expect([times, rows.rejection, rows.delivery.length]).toEqual([times, [], 3]);
    }
    expect((await app.post({ ...one.body, sessionId: never })).status).toBe(200);
    expect((await dump()).delivery).toHaveLength(3);
    await expect(app.inbox.erasures.reapply([{ ...kept[0], sessionKeys: ['x'] } as Erasure])).rejects.toThrow(
      /"records\[0\]\.sessionKeys\[0\]" must be the key of a session/,
    );
    const { id: _, ...withoutId } = kept[0] as Erasure;
    await expect(app.inbox.erasures.reapply([withoutId as Erasure])).rejects.toThrow(/"records\[0\]\.id" is missing/);
    const preview = await app.inbox.erase({ sessionId: never }, { dryRun: true });
    await expect(app.inbox.erasures.reapply([preview])).rejects.toThrow(/"records\[0\]\.id" must be an id/);
  });

  it('of one instance is met by the POSTs of another: each is answered, and nothing is left', async () => {
    const [app, other] = [await host.start((a) => a.withHandlers(RememberEvents)), await host.start()];
    const bodies = Array.from({ length: 40 }, () => payload());
    const posting = Promise.all(bodies.flatMap((body) => [other.post(body), other.post({ ...body, status: 'ERROR' })]));
    const erasures = await Promise.all(
      bodies.map(({ sessionId }) => app.inbox.erase({ sessionId: String(sessionId) }, { wait: 5_000 })),
    );
    expect((await posting).map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
    expect(erasures.filter(({ state }) => state !== 'done')).toEqual([]);
    for (const { sessionId } of bodies) await app.delivery(sessionId, 'erased');
    const rows = await dump();
    for (const { sessionId } of bodies) expect(JSON.stringify(rows.delivery)).not.toContain(String(sessionId));
  });
});
