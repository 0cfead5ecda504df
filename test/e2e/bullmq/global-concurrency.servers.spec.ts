import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { payload } from '../../support/app/payload.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Reports {
  running = 0;
  mostAtOnce = 0;
  ended = 0;

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  async render(): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    await sleep(30);
    this.running--;
    this.ended++;
  }
}

const DELIVERIES = 12;

describe.each(servers)('a queue with a global concurrency, on %s', (kind) => {
  const host = freshQueues(kind);

  /** What BullMQ keeps. */
  function limit(): Promise<string | null> {
    return host.redis.use((client) => client.hget('bull:reports:meta', 'concurrency'));
  }

  /** Starts a web app and two workers of one queue, which count together. */
  async function started(globalConcurrency?: number) {
    const reports = new Reports();
    const provider = { provide: Reports, useValue: reports };
    const queues = { queues: { reports: { ...(globalConcurrency && { globalConcurrency }) } } };
    const web = await host.apps.web([provider], queues);
    await host.apps.worker([provider], queues);
    await host.apps.worker([provider], queues);
    const work = async () => {
      reports.ended = 0;
      await Promise.all(Array.from({ length: DELIVERIES }, () => web.post(payload())));
      await until('all have ended', () => reports.ended === DELIVERIES, 30_000);
    };
    return { reports, work };
  }

  it('runs no more at once in all of its workers, also after a flush', async () => {
    const { reports, work } = await started(1);
    await until('it is set', async () => (await limit()) === '1');
    await work();
    await host.redis.flush();
    await until('it is set again', async () => (await limit()) === '1');
    await work();
    expect(reports.mostAtOnce).toBe(1);
  });

  it('runs more at once without it: a control', async () => {
    const { reports, work } = await started();
    await work();
    expect(reports.mostAtOnce).toBeGreaterThan(1);
    expect(await limit()).toBeNull();
  });
});
