import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { FailOnceWhenErrored, SucceedAtOnce, WaitAtAGate } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { holdInbox } from '../../support/database/held-inbox.js';
import { InsertWatch } from '../../support/database/insert-watch.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

class BookBeforeAGate {
  readonly gate = new Gate();
  readonly attempts: number[] = [];

  @OnVerification(VerificationCompleted, { id: 'book', transactional: true })
  async handle({ sessionId }: VerificationCompleted, { attempt, manager }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    await manager.insert(Effect, { sessionId });
    await this.gate.pass();
  }
}

/** Every failure that uses up an attempt is its last. */
const onlyOnce = { attempts: 1, initialDelay: 10, jitter: 'none' } as const;
const receiveOnly = { processing: { enabled: false } };

/** Closed in the hook that Nest's documentation names for it. */
class Client {
  isOpen = true;

  async onModuleDestroy(): Promise<void> {
    this.isOpen = false;
    await sleep(300);
  }
}

class UseTheClient {
  begun = 0;
  ended = 0;

  constructor(private readonly client: Client) {}

  @OnVerification({ id: 'client' })
  async handle(): Promise<void> {
    this.begun++;
    await sleep(20);
    if (!this.client.isOpen) throw new Error('The client is closed.');
    this.ended++;
  }
}

describe.each(databases)('an app that shuts down, on %s', (kind) => {
  const host = freshHost(kind);

  it('ends its handlers before the host closes its clients', async () => {
    const client = new Client();
    const app = await host.start((a) =>
      a
        .withHandlers(
          { provide: Client, useValue: client },
          { provide: UseTheClient, useValue: new UseTheClient(client) },
        )
        .withOptions({ processing: { concurrency: 3, retry: onlyOnce } }),
    );
    const handler = app.nest.get(UseTheClient);
    const bodies = Array.from({ length: 60 }, () => payload());
    await Promise.all(bodies.map((body) => app.post(body)));
    await until('some have begun', () => handler.begun > 5);
    await host.stop(app);
    expect(handler.ended).toBe(handler.begun);
    expect(handler.begun).toBeLessThan(60);

    const other = new UseTheClient(new Client());
    const after = await host.start((a) => a.withHandlers({ provide: UseTheClient, useValue: other }));
    for (const { sessionId } of bodies) await after.delivery(sessionId, 'completed');
  });

  it('waits for its running handlers, and records for others what arrives meanwhile', async () => {
    const app = await host.start((a) => a.withHandlers(WaitAtAGate));
    const { gate, runs } = app.nest.get(WaitAtAGate);
    const [running, meanwhile] = [payload(), payload()];
    await app.post(running);
    await until('its handler runs', () => runs.length === 1);
    const stopped = new Gate();
    const stopping = host.stop(app).finally(() => stopped.open());
    expect(await app.post(meanwhile)).toMatchObject({ status: 200, body: '{"received":true}' });
    expect(await app.delivery(meanwhile.sessionId, 'pending')).toMatchObject({ leaseOwner: null, dispatches: 0 });
    expect(stopped.isOpen).toBe(false);
    gate.open();
    await stopping;

    expect(runs).toHaveLength(1);
    const after = await host.start((a) => a.withHandlers(SucceedAtOnce));
    expect(await after.delivery(running.sessionId, 'completed')).toMatchObject({ dispatches: 1, runs: [] });
    await after.delivery(meanwhile.sessionId, 'completed');
    expect(after.nest.get(SucceedAtOnce).calls).toBe(1);
  });

  it('aborts a handler after the shutdown timeout, and releases its delivery at once without using up an attempt', async () => {
    const app = await host.start((a) =>
      a.withHandlers(WaitAtAGate).withOptions({ processing: { drainTimeout: 50, retry: onlyOnce } }),
    );
    const { gate, runs } = app.nest.get(WaitAtAGate);
    const body = payload();
    await app.post(body);
    await until('its handler runs', () => runs.length === 1);
    expect(runs[0]?.signal.aborted).toBe(false);
    await host.stop(app);
    expect(runs[0]?.signal.aborted).toBe(true);
    expect(String(runs[0]?.signal.reason)).toMatch(/shutting down/);
    gate.open();

    const receiver = await host.start((a) => a.withOptions(receiveOnly));
    expect(await receiver.delivery(body.sessionId, 'pending')).toMatchObject({
      dispatches: 1,
      leaseOwner: null,
      leaseExpiresAt: null,
      runs: [{ handler: 'wait', state: 'pending', attempts: 0 }],
    });
    const other = await host.start((a) => a.withHandlers(WaitAtAGate).withOptions({ processing: { retry: onlyOnce } }));
    const theirs = other.nest.get(WaitAtAGate);
    theirs.gate.open();
    await other.delivery(body.sessionId, 'completed');
    expect(theirs.runs).toMatchObject([{ attempt: 1 }]);
  });

  it('stores the completed run of a handler beside one that it aborts', async () => {
    const app = await host.start((a) =>
      a.withHandlers(WaitAtAGate, SucceedAtOnce).withOptions({ processing: { drainTimeout: 50, retry: onlyOnce } }),
    );
    const body = payload();
    await app.post(body);
    await until('its handler runs', () => app.nest.get(WaitAtAGate).runs.length === 1);
    await host.stop(app);

    const other = await host.start((a) =>
      a.withHandlers(WaitAtAGate, SucceedAtOnce).withOptions({ processing: { retry: onlyOnce } }),
    );
    const theirs = other.nest.get(WaitAtAGate);
    theirs.gate.open();
    await other.delivery(body.sessionId, 'completed');
    expect(theirs.runs).toMatchObject([{ attempt: 1 }]);
    expect(app.nest.get(SucceedAtOnce).calls).toBe(1);
    expect(other.nest.get(SucceedAtOnce).calls).toBe(0);
  });

  it('rolls back the transaction that it aborts, and releases what becomes due meanwhile', async () => {
    const app = await host.start((a) =>
      withEffects(a)
        .withHandlers(BookBeforeAGate, FailOnceWhenErrored)
        .withOptions({ processing: { drainTimeout: 50, retry: { attempts: 2, initialDelay: 60, jitter: 'none' } } }),
    );
    const [booked, failed] = [payload(), payload({ status: 'ERROR' })];
    await app.post(failed);
    await app.post(booked);
    await until('it has written', () => app.nest.get(BookBeforeAGate).gate.arrivals === 1);
    const begun = performance.now();
    await until('the other is due, and looked for', () => performance.now() - begun > 150);
    const stopping = performance.now();
    await host.stop(app);
    const took = performance.now() - stopping;

    const receiver = await host.start((a) => withEffects(a).withOptions(receiveOnly));
    expect(await receiver.delivery(booked.sessionId, 'pending')).toMatchObject({
      dispatches: 1,
      runs: [{ handler: 'book', state: 'pending', attempts: 0 }],
    });
    expect(await receiver.inbox.stats()).toMatchObject({ processing: 0 });
    expect(await effectsOf(receiver, booked.sessionId)).toBe(0);
    const other = await host.start((a) => withEffects(a).withHandlers(BookBeforeAGate, FailOnceWhenErrored));
    const book = other.nest.get(BookBeforeAGate);
    book.gate.open();
    await other.delivery(booked.sessionId, 'completed');
    await other.delivery(failed.sessionId, 'completed');
    expect(book.attempts).toEqual([1]);
    expect(await effectsOf(other, booked.sessionId)).toBe(1);
    expect(took).toBeLessThan(3_000); // that is: it has waited for nothing but `drainTimeout`
  });

  it('releases a delivery that it records during the shutdown', async () => {
    const watch = new InsertWatch();
    const app = await host.start((a) =>
      a
        .withHandlers(WaitAtAGate)
        .withOptions({ processing: { drainTimeout: 50 } })
        .configured(watch.watch),
    );
    const { runs } = app.nest.get(WaitAtAGate);
    const [running, late] = [payload(), payload()];
    await app.post(running);
    await until('its handler runs', () => runs.length === 1);
    const unlock = await holdInbox(host.database, await host.database.connect());
    const answer = app.post(late);
    const postedAt = performance.now();
    // On SQLite the transaction cannot begin.
    const isBegun = () => (kind === 'sqlite' ? performance.now() > postedAt + 100 : watch.inFlight > 0);
    await until('it is being recorded', isBegun);
    const stopping = host.stop(app);
    await until('it shuts down', () => runs[0]?.signal.aborted);
    await unlock();
    expect(await answer).toMatchObject({ status: 200 });
    await stopping;

    const receiver = await host.start((a) => a.withOptions(receiveOnly));
    expect(await receiver.delivery(late.sessionId, 'pending')).toMatchObject({ dispatches: 0, leaseOwner: null });
    expect(runs).toHaveLength(1);
  });

  it('releases the claimed deliveries that it has not started', async () => {
    const app = await host.start((a) =>
      a
        .withHandlers(WaitAtAGate)
        .withOptions({ processing: { concurrency: 1, drainTimeout: 50 } })
        .withClock({ now: () => 1_800_000_000_000 }),
    );
    const handler = app.nest.get(WaitAtAGate);
    handler.gate.open();
    const first = payload(); // as many as end in a second, in a second that never ends, may wait in its hands
    await app.post(first);
    await app.delivery(first.sessionId, 'completed');
    handler.gate = new Gate();
    for (const body of [payload(), payload(), payload()]) await app.post(body);
    await until('one of them runs', () => handler.gate.arrivals === 1);
    expect(await app.inbox.stats()).toMatchObject({ completed: 1, processing: 2, pending: 1 });
    await host.stop(app);
    expect(handler.runs.map(({ attempt }) => attempt)).toEqual([1, 1]);

    const receiver = await host.start((a) => a.withOptions(receiveOnly));
    expect(await receiver.inbox.stats()).toMatchObject({ completed: 1, processing: 0, pending: 3 });
    const returned = await receiver.inbox.list({ state: 'pending' });
    expect(returned.map(({ leaseOwner }) => leaseOwner)).toEqual(returned.map(() => null));
    expect(returned.map(({ dispatches }) => dispatches).toSorted()).toEqual([0, 0, 1]); // the one that had begun
  });
});
