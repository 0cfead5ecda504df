import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationErrored,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { FailBehindAGate, WaitAtAGateWhenCompleted } from '../../support/app/doubles.js';
import { DeliveryStateRow } from '../../../src/inbox/delivery-state.entity.js';
import { servers } from '../../support/database/databases.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, Gate, type FreshHost } from '../../support/app/fresh-host.js';
import { holdInbox } from '../../support/database/held-inbox.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** Does what it is told after its write, in every run. */
class BookAnd {
  readonly attempts: number[] = [];
  readonly gate = new Gate();
  afterwards: () => unknown = () => {};

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager, attempt }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    await manager.insert(Effect, { sessionId });
    await this.afterwards();
  }
}

/** Keeps its transaction open for longer than a lease of this file lasts, and fails then. */
class FailAfterAWhile {
  @OnVerification(VerificationErrored, { id: 'fail', transactional: true })
  async handle({ sessionId }: VerificationErrored, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
    const begun = performance.now();
    await until('a lease would be over', () => performance.now() - begun > 800);
    throw new Error('after the write');
  }
}

/** Every failure that uses up an attempt is its last. */
const onlyOnce = { processing: { retry: { attempts: 1, initialDelay: 10, jitter: 'none' } } } as const;

describe('a lease that is renewed while a transaction locks the SQLite file', () => {
  const host = freshHost('sqlite');

  it('is not lost when the transaction is rolled back', async () => {
    const leftAfterRollback: Promise<number>[] = [];
    const [long, failing] = [payload(), payload({ status: 'ERROR' })];
    const app = await host.start((a) =>
      withEffects(a)
        .withHandlers(WaitAtAGateWhenCompleted, FailAfterAWhile)
        .withOptions({
          processing: {
            lease: 1_000,
            retry: () => {
              leftAfterRollback.push(leaseLeft(app, long));
              return 'dead';
            },
          },
        }),
    );
    const { gate, signals } = app.nest.get(WaitAtAGateWhenCompleted);
    await app.post(long);
    await until('it runs', () => gate.arrivals === 1);
    await app.post(failing);
    await app.delivery(failing.sessionId, 'dead');
    gate.open();
    await app.delivery(long.sessionId, 'completed');

    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    expect(leftAfterRollback).toHaveLength(1);
    expect(await leftAfterRollback[0]).toBeGreaterThan(0);
    expect(await effectsOf(app, failing.sessionId)).toBe(0);
  });
});

for (const kind of servers) {
  describe(`a worker on a slow ${kind}`, () => {
    const host = freshHost(kind);

    it('renews its leases again in time when an answer is late, and cancels no handler', async () => {
      const outside = (await host.database.connect({ entities: [DeliveryStateRow] })).getRepository(DeliveryStateRow);
      const proxy = await TcpProxy.to((host.database.options as { url: string }).url);
      const app = await host.start((a) =>
        a
          .withDataSource({ url: proxy.url } as object)
          .withHandlers(WaitAtAGateWhenCompleted)
          .withOptions({ processing: { lease: 4_500 } }),
      );
      const { gate, signals } = app.nest.get(WaitAtAGateWhenCompleted);
      const body = payload();
      const sessionId = String(body.sessionId);
      await app.post(body);
      const { id: deliveryId } = await app.delivery(sessionId, 'processing');
      const begun = await outside.findOneByOrFail({ deliveryId });
      await until('the lease is renewed', async () => {
        const { leaseExpiresAt } = await outside.findOneByOrFail({ deliveryId });
        return (leaseExpiresAt ?? 0) > (begun.leaseExpiresAt ?? 0);
      });
      proxy.stall();
      await until('a renewal has had no answer', () => app.logger.matching(/^WARN Could not renew leases/)[0]);
      proxy.thaw();
      const { leaseExpiresAt } = await outside.findOneByOrFail({ deliveryId });
      await until('the lease is renewed again', async () => {
        const after = await outside.findOneByOrFail({ deliveryId });
        return (after.leaseExpiresAt ?? 0) > (leaseExpiresAt ?? 0) || signals[0]?.aborted;
      });
      gate.open();
      await until(
        'it has completed',
        async () => (await outside.findOneByOrFail({ deliveryId })).state === 'completed',
      );
      await host.stop(app);
      await proxy.refuse();

      expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    });

    it('keeps receiving and renewing leases while transactions fill the pool', async () => {
      const app = await host.start((a) =>
        withEffects(a, { poolSize: 6 } as object)
          .withHandlers(BookAnd)
          .withOptions({ ...onlyOnce, processing: { ...onlyOnce.processing, concurrency: 20, lease: 1_000 } }),
      );
      const book = app.nest.get(BookAnd);
      const begun = performance.now();
      book.afterwards = () => until('the lease would be over', () => performance.now() - begun > 1_000);
      const [long, ...others] = Array.from({ length: 12 }, () => payload());
      await app.post(long);
      const answers = await Promise.all(others.map((body) => app.post(body)));
      for (const { sessionId } of [...others, { sessionId: long?.sessionId }])
        await app.delivery(sessionId, 'completed');

      expect(answers.map(({ status }) => status)).toEqual(others.map(() => 200));
      expect(book.attempts).toEqual(Array.from({ length: 12 }, () => 1));
    });
  });
}

for (const kind of servers.filter((server) => server === 'postgres')) {
  describe(`a worker that waits in vain for the transaction of another, on ${kind}`, () => {
    const host = freshHost(kind);

    it('has used up no attempt', async () => {
      const one = await host.start((a) => withEffects(a).withHandlers(BookAnd).withOptions(onlyOnce));
      const first = one.nest.get(BookAnd);
      first.afterwards = () => first.gate.pass();
      const body = payload();
      await one.post(body);
      await until('the first has written', () => first.gate.arrivals === 1);
      const clock = new MovingClock();
      clock.advance(60_000); // to the other, the lease of the first is over
      const other = await host.start((a) =>
        withEffects(a, { extra: impatient(host) } as object)
          .withHandlers(BookAnd)
          .withOptions(onlyOnce)
          .withClock(clock),
      );
      await until('the other has given up waiting', () => other.logger.matching(/^WARN .*interrupted/)[0]);
      first.gate.open();
      await other.delivery(body.sessionId, 'completed');

      expect(other.nest.get(BookAnd).attempts).toEqual([]);
      expect(await effectsOf(other, body.sessionId)).toBe(1);
    });
  });
}

for (const kind of servers.filter((server) => server === 'postgres')) {
  describe(`the result of a handler, on a ${kind} that refuses to write it`, () => {
    const host = freshHost(kind);

    it.each([
      ['a completion', [], [1], /Could not record the completion of 1 delivery, will retry/],
      ['a failure', [new Error('once')], [1, 2], /Could not record the outcome of a delivery, will retry/],
    ])('is written again when it is %s, without another run of the handler', async (_, errors, attempts, warning) => {
      const app = await host.start((a) =>
        a.withHandlers(FailBehindAGate).withDataSource({ extra: impatient(host) } as object),
      );
      const handler = app.nest.get(FailBehindAGate);
      handler.errors = [...errors];
      const body = payload();
      await app.post(body);
      await until('it runs', () => handler.gate.arrivals === 1);
      const unlock = await holdInbox(host.database, await host.database.connect());
      handler.gate.open();
      await until('it could not be written', () => app.logger.matching(warning)[0]);
      await unlock();
      await app.delivery(body.sessionId, 'completed');

      expect(handler.attempts).toEqual(attempts);
    });
  });
}

/** Gives up waiting for a lock soon. */
function impatient({ database }: FreshHost): object {
  const { extra } = database.options as { extra: { options: string } };
  return { options: `${extra.options} -c lock_timeout=50` };
}

async function leaseLeft(app: WebhookApp, { sessionId }: Record<string, unknown>): Promise<number> {
  const delivery = await app.inbox.find({ sessionId: String(sessionId) });
  return (delivery?.leaseExpiresAt ?? 0) - Date.now();
}
