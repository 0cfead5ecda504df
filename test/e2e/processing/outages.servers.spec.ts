import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCompleted,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { servers } from '../../support/database/databases.js';
import { abandon, freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';

const LEASE_MS = 1_000;

/** Runs until its lease is lost, unless it is told to end. */
class RunUntilTheLeaseIsLost {
  running = 0;
  readonly #end = new AbortController();

  @OnVerification(VerificationCompleted, { id: 'run' })
  async run(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    this.running++;
    const either = AbortSignal.any([signal, this.#end.signal]);
    if (!either.aborted) await new Promise((resolve) => either.addEventListener('abort', resolve));
    this.running--;
    if (signal.aborted) throw new Error('aborted');
  }

  end(): void {
    this.#end.abort();
  }
}

for (const kind of servers) {
  describe(`a worker that is cut off from ${kind} for longer than a lease`, () => {
    const host = freshHost(kind);

    async function start() {
      const proxy = await TcpProxy.to((host.database.options as { url: string }).url);
      const app = await host.start((a) =>
        a
          .withDataSource({ url: proxy.url } as object)
          .withHandlers(RunUntilTheLeaseIsLost)
          .withOptions({
            processing: { lease: LEASE_MS, pollInterval: 200, retry: { attempts: 2, initialDelay: 10 } },
          }),
      );
      return { app, proxy, handler: app.nest.get(RunUntilTheLeaseIsLost) };
    }

    it.each([1, 2])('has not crashed, however often, among %d', async (count) => {
      const workers = [await start()];
      if (count === 2) workers.push(await start());
      const body = payload();
      expect(await workers[0]?.app.post(body)).toMatchObject({ status: 200 });
      for (let outage = 1; outage <= 4; outage++) {
        const holder = await until('a handler runs', () => workers.find(({ handler }) => handler.running > 0), 10_000);
        await holder.proxy.refuse();
        await until('its lease is lost', () => holder.handler.running === 0, 10_000);
        if (count === 2)
          await until('the other runs it', () => workers.some(({ handler }) => handler.running > 0), 10_000);
        await sleep(LEASE_MS);
        await holder.proxy.accept();
        await until('it is back', async () => (await holder.app.post(payload({ status: 'CANCELLED' }))).status === 200);
        await sleep(LEASE_MS);
      }
      for (const { handler } of workers) handler.end();
      const delivery = await workers[0]?.app.delivery(body.sessionId, 'completed');
      expect(delivery).toMatchObject({ reason: null, rescues: 0 });
      for (const { app, proxy } of workers) {
        expect(app.logger.matching(/crash-loop/)).toEqual([]);
        await host.stop(app);
        await proxy.refuse();
      }
    });
  });

  describe(`deliveries that were in flight when two workers died, on ${kind}`, () => {
    const host = freshHost(kind);

    it('follow each other at once', async () => {
      const receiver = await host.start((a) => a.withOptions({ processing: { enabled: false } }));
      const bodies = Array.from({ length: 40 }, () => payload());
      await Promise.all(bodies.map((body) => receiver.post(body)));
      for (const { sessionId } of bodies)
        await abandon(receiver, (await receiver.delivery(sessionId, 'pending')).id, { rescues: 1 });
      const worker = await host.start((a) =>
        a.withHandlers(SucceedAtOnce).withOptions({ processing: { pollInterval: 5_000 } }),
      );
      const begunAt = performance.now();
      for (const { sessionId } of bodies) await worker.delivery(sessionId, 'completed');
      expect(performance.now() - begunAt).toBeLessThan(15_000); // one a poll would take 200 s
    });
  });
}
