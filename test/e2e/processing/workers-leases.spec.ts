import { describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCancelled, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { DeliveryStateRow } from '../../../src/inbox/delivery-state.entity.js';
import { DataSource } from 'typeorm';
import { PassTheGate, WaitAtAGateWhenCompleted } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** Is retried for every delivery: who has run a second attempt has looked for what is due. */
class Probe {
  retries = 0;

  @OnVerification(VerificationCancelled, { id: 'probe' })
  handle(_: VerificationCancelled, { attempt }: HandlerContext): void {
    if (attempt === 1) throw new Error('not yet');
    this.retries++;
  }
}

/** As if another worker had taken the delivery over. */
const theirs = { claimId: 'another-worker:1', leaseExpiresAt: Date.now() + 500_000 };
const seenAs = { leaseOwner: 'another-worker', leaseExpiresAt: theirs.leaseExpiresAt };

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

describe.each(databases)('workers with leases, on %s', (kind) => {
  const host = freshHost(kind);

  it('rescue a delivery of another worker only when its lease has expired', async () => {
    const clock = new MovingClock();
    const one = await host.start((a) => a.withHandlers(WaitAtAGateWhenCompleted, Probe));
    const other = await host.start((a) => a.withHandlers(PassTheGate, Probe).withClock(clock));
    const { sessionIds } = other.nest.get(PassTheGate);
    const [sessionId] = await post(one, 1);
    await until('the first runs it', () => one.nest.get(WaitAtAGateWhenCompleted).gate.arrivals === 1);
    clock.advance(20_000);
    await looksForWork(other);
    expect(sessionIds).toEqual([]);

    clock.advance(11_000);
    const after = await other.delivery(String(sessionId), 'completed');
    expect(sessionIds).toEqual([sessionId]);
    expect(after).toMatchObject({ dispatches: 2, rescues: 0, runs: [] });
    one.nest.get(WaitAtAGateWhenCompleted).gate.open();
  });

  it('renew the lease of a long-running handler, and no other worker starts it', async () => {
    const patient = { processing: { lease: 1_000 } };
    const one = await host.start((a) => a.withHandlers(WaitAtAGateWhenCompleted).withOptions(patient));
    const other = await host.start((a) => a.withHandlers(PassTheGate, Probe).withOptions(patient));
    const { gate, signals } = one.nest.get(WaitAtAGateWhenCompleted);
    const [sessionId] = await post(one, 1);
    const begun = await one.delivery(String(sessionId), 'processing');
    await until('the lease has been renewed for longer than twice its length', async () => {
      const { leaseExpiresAt } = await one.delivery(String(sessionId), 'processing');
      return (leaseExpiresAt ?? 0) - (begun.leaseExpiresAt ?? 0) > 1_800;
    });
    await looksForWork(other);
    gate.open();
    const after = await one.delivery(String(sessionId), 'completed');

    expect(after).toMatchObject({ dispatches: 1, rescues: 0 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    expect(other.nest.get(PassTheGate).sessionIds).toEqual([]);
  });

  it('abort the handler of a lost lease, and its result changes nothing', async () => {
    const app = await host.start((a) =>
      a.withHandlers(WaitAtAGateWhenCompleted).withOptions({ processing: { lease: 1_000 } }),
    );
    const { gate, signals } = app.nest.get(WaitAtAGateWhenCompleted);
    const [sessionId] = await post(app, 1);
    const { id } = await app.delivery(String(sessionId), 'processing');
    await app.nest.get(DataSource).getRepository(DeliveryStateRow).update(id, theirs);
    await until('its signal is aborted', () => signals[0]?.aborted);
    expect(String(signals[0]?.reason)).toMatch(/lease was lost/);
    expect(app.logger.matching(/another worker holds them now/)).toHaveLength(1);
    gate.open();
    const [next] = await post(app, 1); // whatever the late end would write comes before the completion of the next
    await app.delivery(String(next), 'completed');

    expect(await app.inbox.find(id)).toMatchObject({ ...seenAs, state: 'processing', finishedAt: null, runs: [] });
  });

  it.each([
    [
      'completes',
      undefined,
      'completed',
      /^WARN 1 delivery had been rescued by another worker before the outcome was recorded; the handlers run again\. Cr3dentialsWebhook$/,
    ],
    [
      'fails',
      new Error('late'),
      'pending',
      /^WARN 1 delivery had been rescued by another worker before the outcome was recorded; the handlers run again\. Cr3dentialsWebhook$/,
    ],
  ] as const)(
    'write nothing of a handler that %s after its lease was lost unnoticed',
    async (_, error, state, warning) => {
      const app = await host.start((a) => a.withHandlers(WaitAtAGateWhenCompleted)); // whose next renewal is far away
      const handler = app.nest.get(WaitAtAGateWhenCompleted);
      handler.error = error;
      const [sessionId, another] = await post(app, 2);
      await until('both run', () => handler.gate.arrivals === 2);
      const { id } = await app.delivery(String(sessionId), 'processing');
      await app.nest.get(DataSource).getRepository(DeliveryStateRow).update(id, theirs);
      handler.gate.open();
      await until('it has come to its end', () => app.logger.matching(warning)[0]);
      await app.delivery(String(another), state);

      expect(await app.inbox.find(id)).toMatchObject({ ...seenAs, state: 'processing', finishedAt: null, runs: [] });
    },
  );

  it('do not start a delivery whose lease was lost while it waited in the pool', async () => {
    const app = await host.start((a) =>
      a
        .withHandlers(WaitAtAGateWhenCompleted)
        .withOptions({ processing: { concurrency: 1, lease: 10_000 } })
        .withClock({ now: () => theirs.leaseExpiresAt - 3_600_000 }),
    );
    const handler = app.nest.get(WaitAtAGateWhenCompleted);
    handler.gate.open();
    const [first] = await post(app, 1); // as many as end in a second may wait, and the second never ends
    await app.delivery(String(first), 'completed');
    handler.gate = new Gate();
    const [second] = await post(app, 1);
    await until('it runs', () => handler.gate.arrivals === 1);
    const [third] = await post(app, 1);
    const { id } = await app.delivery(String(third), 'processing');
    await app.nest.get(DataSource).getRepository(DeliveryStateRow).update(id, theirs);
    await until('the loss is noticed', () => app.logger.matching(/another worker holds them now/)[0]);
    handler.gate.open();
    await app.delivery(String(second), 'completed');
    const [fourth] = await post(app, 1); // runs after what waited
    await app.delivery(String(fourth), 'completed');

    expect(handler.signals).toHaveLength(3);
    expect(await app.inbox.find(id)).toMatchObject({ ...seenAs, state: 'processing' });
  });
});
