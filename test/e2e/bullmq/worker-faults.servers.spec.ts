import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import type { DataSourceOptions } from 'typeorm';
import { QueueCore } from '../../../src/processing/queues/queue.core.js';
import { Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';

class Reports {
  readonly attempts: number[] = [];
  readonly failures: Error[] = [];
  gate: Gate | undefined;

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  async render(_: VerificationCompleted, { attempt, signal }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    await this.gate?.pass();
    signal.throwIfAborted();
    const failure = this.failures.shift();
    if (failure) throw failure;
  }
}

const provide = (reports: Reports) => [{ provide: Reports, useValue: reports }];

async function post(web: WebhookApp): Promise<string> {
  const body = payload();
  expect((await web.post(body)).status).toBe(200);
  return String(body.sessionId);
}

describe.each(servers)('a worker of a queue, on %s', (kind) => {
  const host = freshQueues(kind);
  let reports: Reports;
  let web: WebhookApp;
  let queue: Queue;

  beforeEach(async () => {
    reports = new Reports();
    web = await host.apps.web(provide(new Reports()), { requeueAfter: 1_000 });
    queue = new Queue('reports', { connection: host.redis.connection });
  });

  afterEach(async () => {
    reports.gate?.open();
    await queue.close();
  });

  const untilWaiting = (count: number) =>
    until(`${count} jobs wait`, async () => (await queue.getJobCountByTypes('wait')) === count);

  it.each<[string, (proxy: TcpProxy) => void]>([
    ['is cut off while its handler runs', (proxy) => proxy.stall()],
    ['loses each answer while its handler runs', (proxy) => proxy.swallowAnswers()],
  ])('whose database %s has the run again later, with no attempt used up', async (_, fail) => {
    const proxy = await TcpProxy.to((host.database.options as { url?: string }).url);
    const app = webhookApp(host.database).withDataSource({ url: proxy.url } as Partial<DataSourceOptions>);
    const options = { receive: false, processing: { enabled: false, lease: 1_000 } };
    reports.gate = new Gate();
    await host.apps.start(app.withOptions(options), provide(reports));
    const sessionId = await post(web);
    await until('it runs', () => reports.gate?.arrivals === 1);
    fail(proxy);
    await until('its lease is lost', () => host.apps.hasLogged(/lease.*lost|Lost the lease/i));
    reports.gate.open();
    proxy.thaw();
    proxy.cut(); // what was sent meanwhile is gone
    const { runs } = await web.delivery(sessionId, 'completed');
    expect(runs).toMatchObject([{ attempts: 1 }]);
    expect(reports.attempts).toEqual([1, 1]);
    await host.apps.stop();
    await proxy.refuse();
  });

  it('whose database is down when its handler ends writes the outcome once it is back', async () => {
    const proxy = await TcpProxy.to((host.database.options as { url?: string }).url);
    const app = webhookApp(host.database).withDataSource({ url: proxy.url } as Partial<DataSourceOptions>);
    const options = { receive: false, processing: { enabled: false, lease: 10_000 } };
    reports.gate = new Gate();
    await host.apps.start(app.withOptions(options), provide(reports));
    const sessionId = await post(web);
    await until('it runs', () => reports.gate?.arrivals === 1);
    await proxy.refuse();
    reports.gate.open();
    await until('it is told of', () => host.apps.hasLogged(/Could not record the outcome/));
    await proxy.accept();
    const { runs } = await web.delivery(sessionId, 'completed');
    expect(runs).toMatchObject([{ attempts: 1 }]);
    expect(reports.attempts).toEqual([1]);
    await host.apps.stop();
    await proxy.refuse();
  });

  it('retries by the inbox what its handler throws of BullMQ', async () => {
    reports.failures.push(new UnrecoverableError('no'), new DelayedError('later'));
    await host.apps.worker(provide(reports));
    const { runs } = await web.delivery(await post(web), 'completed');
    expect(runs).toMatchObject([{ attempts: 3 }]);
    expect(await queue.getFailedCount()).toBe(0);
  });

  it('refuses jobs that no inbox has made, and runs those beside them', async () => {
    const sessionId = await post(web);
    const h = 'reports.render';
    await untilWaiting(1);
    const data = [{ d: 'a\u0000b', h }, { d: `${'a'.repeat(200)}`, h }, { d: 1, h }, null, 'text', { h }];
    await queue.addBulk(data.map((one) => ({ name: h, data: one })));
    await host.apps.worker(provide(reports));
    await web.delivery(sessionId, 'completed');
    await until('all have failed', async () => (await queue.getFailedCount()) === data.length);
    expect((await queue.getFailed()).map(({ failedReason }) => failedReason)).toEqual(
      data.map(() => 'This job was not enqueued by the inbox.'),
    );
    expect(reports.attempts).toEqual([1]);
  });

  it('begins nothing once it is stopping, and gives back what it gets', async () => {
    const sessionId = await post(web);
    await untilWaiting(1);
    const { id } = await web.delivery(sessionId, 'pending');
    const worker = await host.apps.worker(provide(reports), { work: false });
    const stopping = worker.nest.get(QueueCore, { strict: false });
    await stopping.drain();
    await stopping.work({ deliveryId: id, handler: 'reports.render' });
    expect(reports.attempts).toEqual([]);
    expect((await web.delivery(sessionId, 'pending')).runs).toMatchObject([{ state: 'pending', attempts: 0 }]);
    const other = new Reports();
    await host.apps.worker(provide(other));
    await web.delivery(sessionId, 'completed');
    expect(other.attempts).toEqual([1]);
  });

  it('that takes no job for a minute is replaced, although its Redis answers', async () => {
    const hung = jest.spyOn(Worker.prototype, 'run').mockImplementationOnce(() => new Promise(() => {}));
    await host.apps.worker(provide(reports));
    const sessionId = await post(web);
    await untilWaiting(1);
    const now = performance.now.bind(performance);
    const minuteLater = jest.spyOn(performance, 'now').mockImplementation(() => now() + 61_000);
    await until('it is told of', () => host.apps.hasLogged(/took no job for 60 s/));
    minuteLater.mockRestore();
    await web.delivery(sessionId, 'completed');
    expect(reports.attempts).toEqual([1]);
    expect(hung).toHaveBeenCalledTimes(2);
    hung.mockRestore();
  });

  it('leaves a queue that is paused, and goes on when it is resumed or was obliterated', async () => {
    await queue.pause();
    await host.apps.worker(provide(reports));
    const first = await post(web);
    await untilWaiting(1);
    await web.delivery(first, 'pending');
    await queue.resume();
    await web.delivery(first, 'completed');
    reports.gate = new Gate();
    const second = await post(web);
    await until('it runs', () => reports.gate?.arrivals === 1);
    await queue.obliterate({ force: true });
    const third = await post(web);
    reports.gate.open();
    for (const sessionId of [second, third]) await web.delivery(sessionId, 'completed');
    expect(reports.attempts).toEqual([1, 1, 1]);
  });
});
