import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationErrored,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { once } from 'node:events';
import { FailOnce, WaitAtAGateWhenCompleted } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { abandon, freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** Ends only when its worker has lost the delivery: the worker is alive, and does not run it twice at once. */
class NeverEndByItself {
  readonly signals: AbortSignal[] = [];

  @OnVerification()
  async handle(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    this.signals.push(signal);
    await once(signal, 'abort');
  }
}

/** Is retried for every delivery: who has completed it has looked for what is due and for what was left behind. */
class Probe {
  @OnVerification(VerificationErrored)
  handle(_: VerificationErrored, { attempt }: HandlerContext): void {
    if (attempt === 1) throw new Error('not yet');
  }
}

async function looksForWork(app: WebhookApp): Promise<void> {
  const probe = payload({ status: 'ERROR' });
  await app.post(probe);
  await app.delivery(probe.sessionId, 'completed');
}

const quickly = { processing: { drainTimeout: 0, lease: 1_000 } };

const BURIED =
  'ERROR Moved 1 delivery to the dead letters after three crashes of the worker (crash-loop). Cr3dentialsWebhook';

describe.each(databases)('a delivery whose worker has crashed, on %s', (kind) => {
  const host = freshHost(kind);

  /** Recorded by an instance that processes nothing, so that the first worker to claim it is the one that has crashed. */
  async function abandoned(rescues: number, count = 1) {
    const receiver = await host.start((a) => a.withOptions({ processing: { enabled: false } }));
    const bodies = Array.from({ length: count }, () => payload());
    for (const body of bodies) {
      await receiver.post(body);
      const { id } = await receiver.delivery(body.sessionId, 'pending');
      await abandon(receiver, id, { rescues });
    }
    await host.stop(receiver);
    return bodies;
  }

  it('is rescued twice, and dead after its third crash', async () => {
    const app = await host.start((a) => a.withHandlers(NeverEndByItself).withOptions(quickly));
    const { signals } = app.nest.get(NeverEndByItself);
    const body = payload();
    await app.post(body);
    for (const kills of [1, 2, 3]) {
      await until('its handler runs', () => signals.length === kills);
      const delivery = await app.delivery(body.sessionId, 'processing');
      expect(delivery).toMatchObject({ rescues: kills - 1, dispatches: kills });
      await abandon(app, delivery.id);
    }
    const dead = await app.delivery(body.sessionId, 'dead');

    expect(dead).toMatchObject({ reason: 'crash-loop', rescues: 2, leaseOwner: null, leaseExpiresAt: null });
    expect(dead.finishedAt).toBeGreaterThan(0);
    expect(signals).toHaveLength(3);
    await until('it has been said', () => app.logger.matching(/^ERROR .*crash-loop/).length === 1);
  });

  it('is dead without another run when it is found after its third crash', async () => {
    const [body] = await abandoned(2);
    const app = await host.start((a) => a.withHandlers(FailOnce).withOptions(quickly));
    await app.delivery(body?.sessionId, 'dead');
    await until('it has been said', () => app.logger.lines.includes(BURIED));

    expect(app.nest.get(FailOnce).attempts).toEqual([]);
  });

  it('starts to count from zero after a run that ends normally', async () => {
    const [body] = await abandoned(1);
    const app = await host.start((a) =>
      a.withHandlers(FailOnce).withOptions({
        ...quickly,
        processing: { ...quickly.processing, retry: { initialDelay: 3_600_000, maxDelay: 3_600_000 } },
      }),
    );
    const { id } = await app.delivery(body?.sessionId, 'pending');
    expect(app.nest.get(FailOnce).attempts).toEqual([1]);
    expect(await app.inbox.find(id)).toMatchObject({ rescues: 0, dispatches: 1 });
  });

  it('starts to count from zero after a replay', async () => {
    const [body] = await abandoned(2);
    const app = await host.start((a) => a.withHandlers(FailOnce).withOptions(quickly));
    const { id, finishedAt } = await app.delivery(body?.sessionId, 'dead');
    await host.stop(app);
    const receiver = await host.start((a) => a.withOptions({ processing: { enabled: false } }));
    expect(await receiver.inbox.replay(id)).toBe('replayed');
    const replayed = await receiver.inbox.find(id);
    expect(replayed).toMatchObject({ state: 'pending', reason: null, rescues: 0, finishedAt: null });
    expect(replayed?.nextAttemptAt).toBeGreaterThanOrEqual(finishedAt ?? Infinity);
    await host.stop(receiver);

    const after = await host.start((a) => a.withHandlers(FailOnce));
    await after.delivery(body?.sessionId, 'completed');
    expect(after.nest.get(FailOnce).attempts).toEqual([1, 2]);
  });

  it('is rescued together with others after its first crash', async () => {
    await abandoned(0, 3);
    const app = await host.start((a) => a.withHandlers(WaitAtAGateWhenCompleted));
    const { gate } = app.nest.get(WaitAtAGateWhenCompleted);
    await until('all of them run', () => gate.arrivals === 3);
    gate.open();
    await completed(app, 3);

    expect(app.nest.get(WaitAtAGateWhenCompleted).mostAtOnce).toBe(3);
    expect(app.logger.matching(/Rescued/)).toEqual([
      'WARN Rescued 3 deliveries whose lease had expired: a worker has crashed, stalled or lost its database connection. Cr3dentialsWebhook',
    ]);
  });

  it('is rescued alone after its second crash, because it may be a poison message', async () => {
    await abandoned(1, 3);
    const app = await host.start((a) => a.withHandlers(WaitAtAGateWhenCompleted, Probe));
    const handler = app.nest.get(WaitAtAGateWhenCompleted);
    await until('one of them runs', () => handler.running === 1);
    await looksForWork(app);
    await looksForWork(app);
    expect(handler.running).toBe(1);
    handler.gate.open();
    await completed(app, 3 + 2);

    expect(handler.mostAtOnce).toBe(1);
  });
});

async function completed(app: WebhookApp, count: number): Promise<void> {
  await until('all of them have completed', async () => (await app.inbox.stats()).completed === count);
}
