import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { openTelemetry } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { OccurrenceWatch } from '../../support/app/occurrence-watch.js';
import { payload } from '../../support/app/payload.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { linkedIdsOf, parentIdOf, Traced } from '../../support/app/traced.js';
import { webhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Reports {
  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  render(): void {}

  @OnVerification(VerificationCompleted, { id: 'reports.book', queue: 'reports', transactional: true })
  book(): void {}
}

function fail(): never {
  throw new Error('Nothing came from the queue.');
}

describe.each(servers)('runs of a queue that are traced, on %s', (kind) => {
  const traced = new Traced();
  const telemetry = openTelemetry({ metrics: false, tracerProvider: traced.provider });
  const host = freshQueues(kind);

  beforeEach(() => traced.traceStatements());

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('are traces of their own, linked to the POST, and nothing else has a span', async () => {
    const watch = new OccurrenceWatch(['begun', 'enqueued', 'queue-claimed']);
    const app = await host.apps.start(webhookApp(host.database).withOptions({ telemetry }), [Reports]);
    await app.post(payload());
    const runs = () => traced.spans.filter(({ name }) => name.startsWith('handle '));
    await until('both have run', () => runs().length === 2);
    await sleep(2_500); // looks at Redis, once a second
    await host.redis.flush();
    await sleep(2_500);
    await host.apps.stop();
    watch.stop();
    const [record] = traced.named('record inbox');
    for (const run of runs()) {
      expect(parentIdOf(run)).toBeUndefined();
      expect(linkedIdsOf(run)).toEqual([record?.spanContext().spanId]);
      expect(run.attributes).toMatchObject({
        'cr3dentials_webhook.source': 'queue',
        'cr3dentials_webhook.outcome': 'completed',
        'cr3dentials_webhook.waited': expect.any(Number),
      });
    }
    expect(traced.spans.map(({ name }) => name).toSorted()).toEqual([
      'handle reports.book',
      'handle reports.render',
      'record inbox',
    ]);
    const fromQueue = watch.of('begun').filter(({ source }) => source === 'queue');
    expect(fromQueue.length).toBe(2);
    for (const { waited } of fromQueue) expect(waited).toBeLessThan(10_000);
    const [{ instance, deliveryId } = fail()] = fromQueue;
    const queue = { instance, queue: 'reports' };
    expect(watch.of('enqueued')[0]).toEqual({ ...queue, deliveryIds: [deliveryId, deliveryId], outcome: 'enqueued' });
    expect(watch.of('queue-claimed').slice(0, 2)).toEqual([
      { ...queue, outcome: 'run' },
      { ...queue, outcome: 'run' },
    ]);
  });
});
