import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { QueueCore } from '../../../src/processing/queues/queue.core.js';
import { Gate } from '../../support/app/fresh-host.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';

const ACKNOWLEDGED_WITHIN_MS = 3_000;

class Reports {
  readonly runs: string[] = [];
  gate: Gate | undefined;

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  async render({ sessionId }: VerificationCompleted, { signal }: HandlerContext): Promise<void> {
    this.runs.push(sessionId);
    await this.gate?.pass();
    signal.throwIfAborted();
  }
}

describe.each(servers)('a queue whose Redis fails, on %s', (kind) => {
  const host = freshQueues(kind);
  let web: WebhookApp;
  let reports: Reports;
  const proxies: TcpProxy[] = [];

  beforeEach(async () => {
    reports = new Reports();
    web = await host.apps.web([{ provide: Reports, useValue: new Reports() }]);
  });

  afterEach(async () => {
    reports.gate?.open();
    await Promise.all(proxies.splice(0).map((proxy) => proxy.refuse()));
  });

  const work = (options: object = {}) => host.apps.worker([{ provide: Reports, useValue: reports }], options);

  async function post(count: number): Promise<string[]> {
    const bodies = Array.from({ length: count }, () => payload());
    const begunAt = performance.now();
    for (const body of bodies) expect((await web.post(body)).status).toBe(200);
    expect(performance.now() - begunAt).toBeLessThan(ACKNOWLEDGED_WITHIN_MS);
    return bodies.map(({ sessionId }) => String(sessionId));
  }

  /** Awaits that their deliveries are completed. Answers the sessions that ran for it, each time that one did. */
  async function completed(sessionIds: readonly string[]): Promise<string[]> {
    for (const sessionId of sessionIds) await web.delivery(sessionId, 'completed');
    return reports.runs.splice(0).toSorted();
  }

  const untilEnqueued = (count: number) =>
    until(`${count} jobs wait`, () =>
      host.redis.use(async (client) => (await client.llen('bull:reports:wait')) === count),
    );

  it('acknowledges while it is down, and goes on once it is back', async () => {
    await work();
    await completed(await post(1));
    await host.redis.kill();
    const sessionIds = await post(10);
    await until('it is told of', () => host.apps.hasLogged(/does not answer/));
    await host.redis.restart();
    expect(await completed(sessionIds)).toEqual(sessionIds.toSorted());
  });

  it('has what was flushed handed over again: of what waits, and of what runs, nothing is lost', async () => {
    const waiting = await post(20);
    await untilEnqueued(20);
    await host.redis.flush();
    await untilEnqueued(20);
    reports.gate = new Gate();
    await work({ queues: { reports: { concurrency: 5, lockDuration: 1_000 } } });
    await until('five run', () => reports.runs.length === 5);
    await host.redis.flush();
    reports.gate.open();
    expect(await completed(waiting)).toEqual(waiting.toSorted());
  });

  it('would lose what was flushed if nobody looked: a control', async () => {
    const { recover } = QueueCore.prototype;
    QueueCore.prototype.recover = () => Promise.resolve(0);
    try {
      await post(3);
      await untilEnqueued(3);
      await host.redis.flush();
      await until('the watch has looked', () =>
        host.redis.use((client) => client.exists('bull:cr3dentials-webhook:epoch')),
      );
      await work();
      const [later = ''] = await post(1);
      expect(await completed([later])).toEqual([later]);
    } finally {
      QueueCore.prototype.recover = recover;
    }
  });

  it('is restored from an old backup: what waits is not lost, and what has run does not run again', async () => {
    const old = await post(3);
    await untilEnqueued(3);
    await host.redis.save();
    await work({ queues: { reports: { concurrency: 1, lockDuration: 1_000 } } });
    expect(await completed(old)).toEqual(old.toSorted());
    reports.gate = new Gate();
    const later = await post(3);
    await until('one runs', () => reports.runs.length === 1);
    await untilEnqueued(2);
    await host.redis.kill();
    await host.redis.restart();
    await until('the old jobs wait again, and so do the others', () =>
      host.redis.use(async (client) => (await client.llen('bull:reports:wait')) >= old.length + 2),
    );
    reports.gate.open();
    expect(await completed(later)).toEqual(later.toSorted());
    await until('the old jobs are gone', () =>
      host.redis.use(async (client) => !(await client.llen('bull:reports:wait'))),
    );
    expect(reports.runs).toEqual([]);
  });

  it('is flushed while nothing waits, and takes what comes then', async () => {
    await work();
    await completed(await post(2));
    await host.redis.flush();
    const sessionIds = await post(2);
    expect(await completed(sessionIds)).toEqual(sessionIds.toSorted());
  });

  it('acknowledges while it is silent, and hands over once it answers', async () => {
    await work();
    await completed(await post(1));
    host.redis.freeze();
    const sessionIds = await post(10);
    await until('it is told of', () => host.apps.hasLogged(/does not answer/));
    host.redis.thaw();
    for (const sessionId of sessionIds) await web.delivery(sessionId, 'completed');
    expect(new Set(reports.runs)).toEqual(new Set(sessionIds)); // an answer that was lost may have had a job run twice
  });

  it('acknowledges while each answer is a second late, and completes all', async () => {
    const proxy = await TcpProxy.to(`tcp://127.0.0.1:${host.redis.port}`);
    proxies.push(proxy);
    await host.apps.stop();
    const connection = { host: '127.0.0.1', port: Number(new URL(proxy.url).port) };
    web = await host.apps.web([{ provide: Reports, useValue: new Reports() }], { connection });
    await work();
    proxy.slowDown({ latencyMs: 500, bytesPerSecond: 1_000_000 });
    const sessionIds = await post(5);
    expect(await completed(sessionIds)).toEqual(sessionIds.toSorted());
  });

  it('goes on after its connections were cut, or went silent', async () => {
    const proxy = await TcpProxy.to(`tcp://127.0.0.1:${host.redis.port}`);
    proxies.push(proxy);
    await work({ connection: { host: '127.0.0.1', port: Number(new URL(proxy.url).port), socketTimeout: 2_000 } });
    await completed(await post(1));
    for (const fault of ['cut', 'silence'] as const) {
      proxy[fault](); // nothing more comes on the connections that there are
      const sessionIds = await post(2);
      expect(await completed(sessionIds)).toEqual(sessionIds.toSorted());
    }
  });

  it('is full: runs wait in the inbox until there is room', async () => {
    await work();
    await host.redis.use((client) => client.config('SET', 'maxmemory', '1'));
    const sessionIds = await post(5);
    await until('it is told of', () => host.apps.hasLogged(/does not answer.*OOM|ReplyError/));
    await host.redis.use((client) => client.config('SET', 'maxmemory', '0'));
    expect(await completed(sessionIds)).toEqual(sessionIds.toSorted());
  });

  it('is drained by somebody: the inbox hands over again after requeueAfter', async () => {
    await host.apps.stop();
    web = await host.apps.web([{ provide: Reports, useValue: new Reports() }], { requeueAfter: 1_000 });
    const sessionIds = await post(3);
    await untilEnqueued(3);
    const queue = new Queue('reports', { connection: host.redis.connection });
    await queue.drain();
    await queue.close();
    await work();
    expect(await completed(sessionIds)).toEqual(sessionIds.toSorted());
  });

  it('has jobs of former times: those of runs that have ended do nothing', async () => {
    await work();
    const [sessionId = ''] = await post(1);
    expect(await completed([sessionId])).toEqual([sessionId]);
    const { id } = await web.delivery(sessionId, 'completed');
    const queue = new Queue('reports', { connection: host.redis.connection });
    for (const h of ['reports.render', 'reports.former'])
      await queue.add(h, { d: id, h }, { removeOnComplete: true, removeOnFail: true });
    await until('nothing waits', async () => (await queue.getJobCountByTypes('wait', 'active')) === 0);
    await queue.close();
    expect(reports.runs).toEqual([]);
  });

  it('has a window: more waits in the inbox', async () => {
    await host.apps.stop();
    web = await host.apps.web([{ provide: Reports, useValue: new Reports() }], {
      queues: { reports: { maxWaiting: 5, lockDuration: 1_000 } },
    });
    const sessionIds = await post(5);
    await untilEnqueued(5);
    sessionIds.push(...(await post(10)));
    for (const sessionId of sessionIds) await web.delivery(sessionId, 'pending');
    expect(await host.redis.use((client) => client.llen('bull:reports:wait'))).toBe(5);
    await work();
    expect(await completed(sessionIds)).toEqual(sessionIds.toSorted());
  });
});
