import { describe, expect, it } from '@jest/globals';
import {
  Delivery,
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { databases } from '../support/databases.js';
import { freshHost, Gate } from '../support/fresh-host.js';
import { MovingClock } from '../support/moving-clock.js';
import { payload } from '../support/payload.js';
import { until } from '../support/until.js';
import type { WebhookApp } from '../support/webhook-app.js';

/** What several workers have in hand at the same time. */
class Floor {
  readonly runs: { worker: string; sessionId: string }[] = [];
  readonly running = new Set<string>();
  readonly twiceAtOnce: string[] = [];
  readonly workers = new Set<string>();
}

/** Its first run goes on until every worker has begun one. */
class ShareTheFloor {
  constructor(
    readonly worker: string,
    readonly floor: Floor,
    readonly count: number,
  ) {}

  @OnVerification({ id: 'share' })
  async handle({ sessionId }: VerificationEvent): Promise<void> {
    const { running, runs, twiceAtOnce, workers } = this.floor;
    if (running.has(sessionId)) twiceAtOnce.push(sessionId);
    running.add(sessionId);
    runs.push({ worker: this.worker, sessionId });
    workers.add(this.worker);
    await until('every worker has begun', () => workers.size === this.count);
    running.delete(sessionId);
  }
}

class WaitAtAGate {
  readonly gate = new Gate();
  readonly signals: AbortSignal[] = [];
  running = 0;
  mostAtOnce = 0;

  @OnVerification(VerificationCompleted, { id: 'wait' })
  async handle(_: VerificationCompleted, { signal }: HandlerContext): Promise<void> {
    this.signals.push(signal);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    await this.gate.pass();
    this.running--;
  }
}

/** Remembers what it was told of; has the id of the handler that others wait in. */
class Remember {
  readonly sessionIds: string[] = [];

  @OnVerification(VerificationCompleted, { id: 'wait' })
  handle({ sessionId }: VerificationCompleted): void {
    this.sessionIds.push(sessionId);
  }
}

/** Is retried for every delivery: who has run a second attempt has looked for what is due. */
class Probe {
  retries = 0;

  @OnVerification(VerificationCancelled, { id: 'probe' })
  handle(_: VerificationCancelled, { attempt }: HandlerContext): void {
    if (attempt === 1) throw new Error('not yet');
    this.retries++;
  }
}

const receiveOnly = { processing: { enabled: false } };

async function post(app: WebhookApp, count: number): Promise<string[]> {
  const bodies = Array.from({ length: count }, () => payload());
  await Promise.all(bodies.map((body) => app.post(body)));
  return bodies.map(({ sessionId }) => String(sessionId));
}

async function looksForWork(app: WebhookApp): Promise<void> {
  const probe = app.nest.get(Probe);
  const before = probe.retries;
  await until('it has looked for work', async () => {
    await app.post(payload({ status: 'CANCELLED' }));
    return probe.retries > before;
  });
}

function completed(app: WebhookApp, count: number): Promise<unknown> {
  return until(`${count} have completed`, async () => (await app.inbox.stats()).completed === count);
}

describe.each(databases)('several workers on one %s', (kind) => {
  const host = freshHost(kind);

  it('share a backlog, and never run one handler of one delivery at the same time', async () => {
    const receiver = await host.start((a) => a.withOptions(receiveOnly));
    const sessionIds = await post(receiver, 60);
    const floor = new Floor();
    const [one] = await Promise.all(
      ['one', 'other'].map((worker) =>
        host.start((a) =>
          a
            .withHandlers({ provide: ShareTheFloor, useValue: new ShareTheFloor(worker, floor, 2) })
            .withOptions({ processing: { concurrency: 3 } }),
        ),
      ),
    );
    await completed(one as WebhookApp, 60);

    expect(floor.runs.map(({ sessionId }) => sessionId).toSorted()).toEqual(sessionIds.toSorted());
    expect(floor.twiceAtOnce).toEqual([]);
    expect([...floor.workers].toSorted()).toEqual(['one', 'other']);
  });

  it('take over from each other only when a lease is over', async () => {
    const clock = new MovingClock();
    const one = await host.start((a) => a.withHandlers(WaitAtAGate));
    const other = await host.start((a) => a.withHandlers(Remember, Probe).withClock(clock));
    const { sessionIds } = other.nest.get(Remember);
    const [sessionId] = await post(one, 1);
    await until('the first runs it', () => one.nest.get(WaitAtAGate).gate.arrivals === 1);
    clock.advance(20_000);
    await looksForWork(other);
    expect(sessionIds).toEqual([]);

    clock.advance(11_000);
    const after = await other.delivery(String(sessionId), 'completed');
    expect(sessionIds).toEqual([sessionId]);
    expect(after).toMatchObject({ attempts: 2, takeovers: 0, runs: [] });
    one.nest.get(WaitAtAGate).gate.open();
  });

  it('renew the lease of a handler that takes long, and none of the others begins with it', async () => {
    const patient = { lease: { duration: 300 } };
    const one = await host.start((a) => a.withHandlers(WaitAtAGate).withOptions(patient));
    const other = await host.start((a) => a.withHandlers(Remember, Probe).withOptions(patient));
    const { gate, signals } = one.nest.get(WaitAtAGate);
    const [sessionId] = await post(one, 1);
    const begun = await one.delivery(String(sessionId), 'processing');
    await until('the lease has been renewed for longer than twice its length', async () => {
      const { leaseExpiresAt } = await one.delivery(String(sessionId), 'processing');
      return (leaseExpiresAt ?? 0) - (begun.leaseExpiresAt ?? 0) > 600;
    });
    await looksForWork(other);
    gate.open();
    const after = await one.delivery(String(sessionId), 'completed');

    expect(after).toMatchObject({ attempts: 1, takeovers: 0 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    expect(other.nest.get(Remember).sessionIds).toEqual([]);
  });

  it('abort a handler whose lease is lost, and what it comes to changes nothing', async () => {
    const app = await host.start((a) => a.withHandlers(WaitAtAGate).withOptions({ lease: { duration: 300 } }));
    const { gate, signals } = app.nest.get(WaitAtAGate);
    const [sessionId] = await post(app, 1);
    const { id } = await app.delivery(String(sessionId), 'processing');
    const theirs = { leaseOwner: 'another-worker', leaseExpiresAt: Date.now() + 3_600_000 };
    await app.nest.get(DataSource).getRepository(Delivery).update(id, theirs);
    await until('its signal is aborted', () => signals[0]?.aborted);
    expect(String(signals[0]?.reason)).toMatch(/lease was lost/);
    expect(app.logger.matching(/another worker has taken them over/)).toHaveLength(1);
    gate.open();
    const [next] = await post(app, 1); // whatever the late end would write comes before the completion of the next
    await app.delivery(String(next), 'completed');

    expect(await app.inbox.find(id)).toMatchObject({ ...theirs, state: 'processing', finishedAt: null, runs: [] });
  });

  it('process what an instance has recorded that only receives', async () => {
    const receiver = await host.start((a) => a.withHandlers(Remember).withOptions(receiveOnly));
    const [sessionId] = await post(receiver, 1);
    expect(await receiver.delivery(String(sessionId), 'pending')).toMatchObject({ leaseOwner: null, attempts: 0 });
    expect(await receiver.inbox.stats()).toMatchObject({ pending: 1, processing: 0 });
    const worker = await host.start((a) => a.withHandlers(Remember));
    await worker.delivery(String(sessionId), 'completed');

    expect(receiver.nest.get(Remember).sessionIds).toEqual([]);
    expect(worker.nest.get(Remember).sessionIds).toEqual([sessionId]);
    expect(receiver.logger.matching(/receives only/)).toHaveLength(1);
  });

  it('run no more at the same time than they are told', async () => {
    const app = await host.start((a) => a.withHandlers(WaitAtAGate).withOptions({ processing: { concurrency: 3 } }));
    const handler = app.nest.get(WaitAtAGate);
    await post(app, 12);
    await until('as many run as may', () => handler.running === 3);
    handler.gate.open();
    await completed(app, 12);

    expect(handler.gate.arrivals).toBe(12);
    expect(handler.mostAtOnce).toBe(3);
  });

  it('drain a backlog without waiting for the next poll', async () => {
    const receiver = await host.start((a) => a.withOptions(receiveOnly));
    const sessionIds = await post(receiver, 500);
    expect(await receiver.inbox.stats()).toMatchObject({ pending: 500 });
    const worker = await host.start((a) => a.withHandlers(Remember).withOptions({ poll: { interval: 20_000 } }));
    await completed(worker, 500);

    expect(worker.nest.get(Remember).sessionIds.toSorted()).toEqual(sessionIds.toSorted());
    expect(await worker.inbox.stats()).toMatchObject({ pending: 0, processing: 0, oldestDue: 0 });
  });
});
