import { describe, expect, it, jest } from '@jest/globals';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { HandlerRunRepository } from '../../../src/inbox/handler-run.repository.js';
import { FailBehindAGate, PassTheGate, SucceedAtOnce, WaitAtAGate } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { abandon, freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** What several workers run at the same time. */
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

const receiveOnly = { processing: { enabled: false } };

async function post(app: WebhookApp, count: number): Promise<string[]> {
  const bodies = Array.from({ length: count }, () => payload());
  await Promise.all(bodies.map((body) => app.post(body)));
  return bodies.map(({ sessionId }) => String(sessionId));
}

function completed(app: WebhookApp, count: number): Promise<unknown> {
  return until(`${count} have completed`, async () => (await app.inbox.stats()).completed === count);
}

describe.each(databases)('several workers on one %s', (kind) => {
  const host = freshHost(kind);

  it('look again soon after they have found something', async () => {
    const receiver = await host.start((a) => a.withOptions(receiveOnly));
    const worker = await host.start((a) =>
      a.withHandlers(SucceedAtOnce).withOptions({ processing: { pollInterval: 4_000 } }),
    );
    await post(receiver, 1);
    await completed(worker, 1); // by the first poll or by the second
    const begunAt = performance.now();
    for (let n = 2; n <= 6; n++) {
      await post(receiver, 1);
      await completed(worker, n);
    }
    expect(performance.now() - begunAt).toBeLessThan(3_500);
  });

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

  it('process what a receive-only instance has recorded', async () => {
    const receiver = await host.start((a) => a.withHandlers(PassTheGate).withOptions(receiveOnly));
    const [sessionId] = await post(receiver, 1);
    expect(await receiver.delivery(String(sessionId), 'pending')).toMatchObject({ leaseOwner: null, dispatches: 0 });
    expect(await receiver.inbox.stats()).toMatchObject({ pending: 1, processing: 0 });
    const worker = await host.start((a) => a.withHandlers(PassTheGate));
    await worker.delivery(String(sessionId), 'completed');

    expect(receiver.nest.get(PassTheGate).sessionIds).toEqual([]);
    expect(worker.nest.get(PassTheGate).sessionIds).toEqual([sessionId]);
    expect(receiver.logger.matching(/receives only/)).toHaveLength(1);
  });

  it('run no more deliveries at the same time than "concurrency"', async () => {
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
    const worker = await host.start((a) =>
      a.withHandlers(PassTheGate).withOptions({ processing: { pollInterval: 20_000 } }),
    );
    await completed(worker, 500);

    expect(worker.nest.get(PassTheGate).sessionIds.toSorted()).toEqual(sessionIds.toSorted());
    expect(await worker.inbox.stats()).toMatchObject({ pending: 0, processing: 0, oldestDue: 0 });
  });
});

describe('a worker that finds an expired lease', () => {
  const host = freshHost('sqlite');

  it('rescues the delivery even when it can claim nothing else', async () => {
    const receiver = await host.start((a) => a.withOptions(receiveOnly));
    const [left, due] = await post(receiver, 2);
    const { id } = await receiver.delivery(left, 'pending');
    await abandon(receiver, id);
    const beside = await host.database.connect();
    await beside.query(
      `CREATE TRIGGER no_claim BEFORE UPDATE ON cr3dentials_webhook_delivery_state
       WHEN OLD.state = 'pending' AND NEW.state = 'processing' BEGIN SELECT RAISE(ABORT, 'no'); END`,
    );
    const worker = await host.start((a) => a.withHandlers(PassTheGate));
    await worker.delivery(left, 'completed');

    expect(worker.logger.matching(/Could not claim deliveries/)).not.toEqual([]);
    await worker.delivery(due, 'pending');
    expect(worker.nest.get(PassTheGate).sessionIds).toEqual([left]);
  });
});

describe.each(databases)('a worker that cannot read the runs of what it has claimed, on %s', (kind) => {
  const host = freshHost(kind);

  it('gives it back, and handles it once it can, with no attempt used and nothing rescued', async () => {
    const app = await host.start((a) => a.withHandlers(FailBehindAGate));
    const handler = app.nest.get(FailBehindAGate);
    handler.errors = [new Error('once')];
    const body = payload();
    await app.post(body);
    await until('it runs', () => handler.gate.arrivals === 1);
    const reading = jest
      .spyOn(app.nest.get(HandlerRunRepository, { strict: false }), 'findByDeliveries')
      .mockRejectedValueOnce(new Error('The server has closed the connection.'));
    const begunAt = performance.now();
    handler.gate.open();
    await until('it could not be read', () => app.logger.matching(/Could not claim deliveries/)[0]);
    await until('it is handled', () => handler.attempts.length === 2);
    expect(performance.now() - begunAt).toBeLessThan(15_000); // a lease has 30 s
    reading.mockRestore();
    expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({ rescues: 0 });
    expect(handler.attempts).toEqual([1, 2]);
  });
});
