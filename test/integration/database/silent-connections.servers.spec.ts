import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { servers } from '../../support/database/databases.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';

class Book {
  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
  }
}

/** Uses the pool of the host for its own queries, as a busy host does. */
class Slow {
  begun = 0;
  aborted = 0;

  @OnVerification({ id: 'slow' })
  async handle(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    this.begun++;
    signal.addEventListener('abort', () => this.aborted++);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
  }
}

for (const kind of servers) {
  describe(`an inbox whose connections fall silent, on ${kind}`, () => {
    const host = freshHost(kind);
    let proxy: TcpProxy;

    beforeEach(async () => {
      proxy = await TcpProxy.to((host.database.options as { url?: string }).url);
    });

    afterEach(() => proxy.refuse());

    const throughProxy = (): Partial<DataSourceOptions> => ({ url: proxy.url }) as Partial<DataSourceOptions>;

    it('goes on with others, and processes what it has acknowledged', async () => {
      const app = await host.start((a) =>
        a
          .withHandlers(SucceedAtOnce)
          .withDataSource(throughProxy())
          .withOptions({ receiving: { ackTimeout: 1_000 }, processing: { lease: 3_000 } }),
      );
      const acknowledged: unknown[] = [];
      const postFor = async (milliseconds: number) => {
        for (const end = performance.now() + milliseconds; performance.now() < end;) {
          const bodies = Array.from({ length: 4 }, () => payload());
          const answers = await Promise.all(bodies.map((body) => app.post(body)));
          acknowledged.push(...bodies.filter((_, n) => answers[n]?.status === 200).map(({ sessionId }) => sessionId));
        }
      };
      await postFor(500);
      proxy.silence();
      await postFor(2_500);
      const late = acknowledged.length;
      await postFor(1_000);
      expect(acknowledged.length).toBeGreaterThan(late);
      for (const sessionId of acknowledged) await app.delivery(sessionId, 'completed');
    });

    it('ends the transactions of handlers, and has each effect once', async () => {
      const app = await host.start((a) =>
        withEffects(a, throughProxy())
          .withHandlers(Book)
          .withOptions({
            receiving: { ackTimeout: 1_000 },
            processing: { lease: 12_000, pollInterval: 200, handlerTimeout: 10_000 },
          }),
      );
      const bodies = Array.from({ length: 60 }, () => payload());
      for (const [n, body] of bodies.entries()) {
        if (n === 30) proxy.silence();
        await until('it is acknowledged', async () => (await app.post(body)).status === 200);
      }
      await until('all are completed', async () => (await app.inbox.stats()).completed === bodies.length, 60_000);
      const beside = await host.database.connect({ entities: [Effect] });
      const counts = await Promise.all(
        bodies.map(({ sessionId }) => beside.getRepository(Effect).countBy({ sessionId: String(sessionId) })),
      );
      expect(counts).toEqual(bodies.map(() => 1));
    }, 90_000);
  });

  describe(`an inbox in a host that uses all of its connections, on ${kind}`, () => {
    const host = freshHost(kind);

    it('acknowledges, renews its leases and completes', async () => {
      const app = await host.start((a) =>
        a
          .withHandlers(Slow)
          .withDataSource({ poolSize: 3 } as Partial<DataSourceOptions>)
          .withOptions({ processing: { lease: 1_000 } }),
      );
      const slow = app.nest.get(Slow);
      const bodies = Array.from({ length: 5 }, () => payload());
      for (const body of bodies) expect(await app.post(body)).toMatchObject({ status: 200 });
      const wait = kind === 'postgres' ? 'SELECT pg_sleep(3)' : 'SELECT SLEEP(3)';
      const reports = Array.from({ length: 10 }, () =>
        app.nest
          .get(DataSource)
          .query(wait)
          .catch(() => {}),
      );
      const begunAt = performance.now();
      expect(await app.post(payload())).toMatchObject({ status: 200 });
      expect(performance.now() - begunAt).toBeLessThan(1_000);
      for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
      expect(slow).toMatchObject({ begun: 6, aborted: 0 });
      await Promise.all(reports);
    }, 30_000);

    it('interrupts a handler that gets no transaction, without using up its attempt', async () => {
      const app = await host.start((a) =>
        withEffects(a, { poolSize: 1 } as Partial<DataSourceOptions>)
          .withHandlers(Book)
          .withOptions({ processing: { lease: 3_000 } }),
      );
      const wait = kind === 'postgres' ? 'SELECT pg_sleep(7)' : 'SELECT SLEEP(7)';
      const report = app.nest.get(DataSource).query(wait);
      const body = payload();
      await app.post(body);
      await until('it was interrupted', () => app.logger.matching(/interrupted/).length > 0);
      await report;
      expect((await app.delivery(body.sessionId, 'completed')).runs).toMatchObject([{ attempts: 0 }]);
      expect(await effectsOf(app, body.sessionId)).toBe(1);
    }, 30_000);
  });
}
