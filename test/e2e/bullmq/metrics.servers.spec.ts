import { describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { promClient } from 'nestjs-cr3dentials-webhook/prom-client';
import { Registry } from 'prom-client';
import { payload } from '../../support/app/payload.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { webhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Reports {
  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  render(): void {}
}

describe.each(servers)('the metrics of a queue, on %s', (kind) => {
  const host = freshQueues(kind);

  function observed() {
    const registry = new Registry();
    const app = webhookApp(host.database).withOptions({ telemetry: promClient({ registry }) });
    const read = async (name: string): Promise<Record<string, number>> => {
      const metric = await registry.getSingleMetric(`cr3dentials_webhook_queue_${name}`)?.get();
      return Object.fromEntries(
        (metric?.values ?? []).map(({ labels, value }) => [Object.values(labels).join(' '), value]),
      );
    };
    return { app, read };
  }

  it('tell what waits in Redis, for how long, what is taken, and nothing while Redis does not answer', async () => {
    const { app, read } = observed();
    const web = await host.apps.start(app, [Reports], { work: false });
    for (let n = 0; n < 3; n++) await web.post(payload());
    await until('all wait', async () => (await read('jobs'))['reports waiting'] === 3);
    expect(await read('jobs')).toEqual({ 'reports waiting': 3, 'reports active': 0, 'reports failed': 0 });
    await until('they have waited', async () => Number((await read('oldest_seconds')).reports) > 1);
    // Once more when the first look finds that Redis is new. It has each job once.
    expect((await read('enqueued_total'))['reports enqueued']).toBeGreaterThanOrEqual(3);
    const worker = observed();
    await host.apps.start(worker.app.withOptions({ receive: false }), [Reports]);
    await until('all are taken', async () => (await worker.read('claims_total'))['reports run'] === 3);
    await until('none waits', async () => (await read('jobs'))['reports waiting'] === 0);
    expect(await read('oldest_seconds')).toEqual({ reports: 0 });
    expect(await read('readable')).toEqual({ '': 1 });
    expect((await web.inbox.health()).problems).toEqual([]);
    await host.redis.kill();
    await until('old numbers are gone', async () => Object.keys(await read('jobs')).length === 0, 10_000);
    expect(await read('readable')).toEqual({ '': 0 });
    expect((await web.inbox.health()).problems).toMatchObject([{ code: 'queue-unavailable', severity: 'degraded' }]);
    await web.post(payload());
    await until('it is postponed', async () => Number((await read('enqueued_total'))['reports postponed']) > 0);
  });
});
