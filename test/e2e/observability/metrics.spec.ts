import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { OnVerification, PermanentError, VerificationCompleted, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { openTelemetry } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { promClient } from 'nestjs-cr3dentials-webhook/prom-client';
import { Registry } from 'prom-client';
import { GaugeQueries } from '../../../src/inbox/gauge.queries.js';
import { Gauges } from '../../../src/operations/gauges.js';
import { HandlerQueues, type QueueDriver } from '../../../src/processing/dispatch/handler.queues.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { metricNames, definitionOf, type MetricName } from '../../../src/metrics/metric.definitions.js';
import { prometheusLabel, prometheusName } from '../../../src/metrics/prometheus.names.js';
import { abandon, freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

const SECRETS = [
  { id: 'new', value: 'the-new-secret-of-the-portal' },
  { id: 'old', value: 'the-old-secret-of-the-portal', notAfter: new Date(Date.now() + 86_400_000) },
];
const FROM_PORTAL = { headers: { 'x-api-key': 'the-new-secret-of-the-portal' } };

class Fail {
  @OnVerification(VerificationErrored, { id: 'hopeless' })
  fail(): void {
    throw new PermanentError('for good');
  }

  @OnVerification(VerificationCompleted, { id: 'good' })
  succeed(): void {}
}

/** As a module of queues tells of its server. */
class LongQueue implements QueueDriver {
  readonly queues = new Set(['reports']);
  readonly remoteHandlers = [];
  readonly isAnswering = true;
  readonly isStuck = false;
  gauges = () => [{ queue: 'reports', waiting: 3, active: 2, failed: 1, oldest: 4_000 }];
  enqueue = () => Promise.resolve(0);
  start = () => {};
  stop = () => Promise.resolve();
}

/** Everything that a metric of the table is made of. */
async function happen(app: WebhookApp): Promise<void> {
  const [good, dead, other] = [payload(), payload({ status: 'ERROR' }), payload({ status: 'CANCELLED' })];
  for (const body of [good, good, dead, other]) await app.post(body, FROM_PORTAL);
  await app.delivery(good.sessionId, 'completed');
  const { id } = await app.delivery(dead.sessionId, 'dead');
  const { id: unhandled } = await app.delivery(other.sessionId, 'unhandled');
  await app.post({ ...good, proofHash: 'another' }, FROM_PORTAL);
  await app.post(payload({ platformId: 'one' }), FROM_PORTAL);
  await app.post(payload(), { headers: { 'x-api-key': 'guessed' } });
  await app.inbox.discard(unhandled);
  await abandon(app, id);
  await app.delivery(dead.sessionId, 'dead');
  const instrumentation = app.nest.get(Instrumentation);
  instrumentation.announce('lease-lost', { count: 2, of: 'deliveries', why: 'not-renewed' });
  instrumentation.announce('enqueued', { queue: 'reports', deliveryIds: [id], outcome: 'enqueued' });
  instrumentation.announce('queue-claimed', { queue: 'reports', outcome: 'run' });
  app.nest.get(HandlerQueues).attach(new LongQueue());
  instrumentation.announce('database-unavailable', {
    operation: 'claim',
    count: 0,
    error: { type: '57P01', message: '' },
  });
}

/** The values of a metric, each with those of its labels. */
async function valuesOf(registry: Registry, name: MetricName): Promise<(readonly [string, number])[]> {
  const metric = await registry.getSingleMetric(prometheusName(name))?.get();
  return (metric?.values ?? []).map(({ labels, value }) => [Object.values(labels).join(' '), value] as const);
}

/** Everything that has a metric happens, and the numbers of the inbox are read after it. */
async function happenAndBeRead(app: WebhookApp, clock: MovingClock): Promise<void> {
  await happen(app);
  clock.advance(10_000);
  await until('the numbers of the inbox are read', () =>
    app.nest
      .get(Gauges)
      .read()
      .catch(() => false),
  );
}

describe('metrics', () => {
  const host = freshHost('sqlite');

  afterEach(() => {
    jest.restoreAllMocks();
  });

  function start(telemetry: ReturnType<typeof promClient>, clock = new MovingClock()): Promise<WebhookApp> {
    return host.start((a) =>
      a
        .withClock(clock)
        .withHandlers(Fail)
        .withOptions({ telemetry, auth: { secrets: SECRETS } }),
    );
  }

  describe('of prom-client', () => {
    it('have each series of the table after an eventful hour, and no other', async () => {
      const registry = new Registry();
      const clock = new MovingClock();
      const app = await start(promClient({ registry }), clock);
      await happenAndBeRead(app, clock);
      const found = await registry.getMetricsAsJSON();
      expect(found.map(({ name }) => name).toSorted()).toEqual(metricNames.map(prometheusName).toSorted());
      for (const name of metricNames) {
        const [first] = (await registry.getSingleMetric(prometheusName(name))?.get())?.values ?? [];
        expect([name, first === undefined]).toEqual([name, false]);
        const labels = Object.keys(first?.labels ?? {}).filter((label) => label !== 'le');
        const known = new Set(definitionOf(name).attributes.map(prometheusLabel));
        expect(labels.filter((label) => !known.has(label))).toEqual([]);
      }
      expect(await registry.metrics()).not.toMatch(/portal|guessed|canary/i);
    });

    it('count what has happened', async () => {
      const registry = new Registry();
      const clock = new MovingClock();
      const app = await start(promClient({ registry }), clock);
      await happenAndBeRead(app, clock);
      const text = await registry.metrics();
      const sample = (name: string, labels: string) =>
        Number(new RegExp(`^${name}\\{?${labels}\\}? (.*)$`, 'm').exec(text)?.[1]);
      const p = 'cr3dentials_webhook';
      const received = (verdict: string) => sample(`${p}_receive_duration_seconds_count`, `${p}_verdict="${verdict}"`);
      expect(['accepted', 'duplicate', 'conflict', 'invalid', 'unauthorized'].map(received)).toEqual([3, 1, 1, 1, 1]);
      const runs = (handler: string, rest: string) =>
        sample(`${p}_handler_duration_seconds_count`, `${p}_handler="${handler}",${p}_outcome=${rest}`);
      expect(runs('good', '"completed"')).toBe(1);
      expect(runs('hopeless', '"dead",error_type="PermanentError"')).toBe(1);
      expect(await valuesOf(registry, 'delivery.rescued')).toEqual([['', 1]]);
      expect(await valuesOf(registry, 'lease.lost')).toEqual([
        ['not-renewed', 2],
        ['rescued', 0],
        ['erased', 0],
      ]);
      expect(await valuesOf(registry, 'database.errors')).toEqual([['claim 57P01', 1]]);
      expect(await valuesOf(registry, 'operator.decisions')).toEqual([['discard', 1]]);
      expect(await valuesOf(registry, 'queue.jobs')).toEqual([
        ['reports waiting', 3],
        ['reports active', 2],
        ['reports failed', 1],
      ]);
      expect(await valuesOf(registry, 'queue.oldest')).toEqual([['reports', 4]]);
      expect(await valuesOf(registry, 'queue.enqueued')).toEqual([['reports enqueued', 1]]);
      expect(await valuesOf(registry, 'queue.claims')).toEqual([['reports run', 1]]);
      expect(await valuesOf(registry, 'secret.uses')).toEqual([
        ['new', 6],
        ['old', 0],
      ]);
      expect(await valuesOf(registry, 'inbox.deliveries')).toEqual([
        ['pending', 0],
        ['processing', 0],
        ['dead', 1],
        ['unhandled', 0],
        ['discarded', 1],
      ]);
      expect((await valuesOf(registry, 'inbox.rejections')).filter(([, count]) => count > 0)).toEqual([
        ['invalid', 1],
        ['conflict', 1],
      ]);
    });

    it('have no numbers of the inbox while its database does not answer, rather than old ones', async () => {
      const registry = new Registry();
      const clock = new MovingClock();
      const app = await start(promClient({ registry }), clock);
      expect(await valuesOf(registry, 'inbox.oldest_due')).toEqual([['', 0]]);
      expect(await valuesOf(registry, 'inbox.readable')).toEqual([['', 1]]);
      clock.advance(10_000);
      jest.spyOn(app.nest.get(GaugeQueries), 'read').mockRejectedValue(new Error('down'));
      expect(await valuesOf(registry, 'inbox.oldest_due')).toEqual([]);
      expect(await valuesOf(registry, 'inbox.readable')).toEqual([['', 0]]);
      expect(await valuesOf(registry, 'processing.limit')).toEqual([['', 20]]);
    });

    it('are removed from the registry when the app stops, so that another can start', async () => {
      const registry = new Registry();
      await host.stop(await start(promClient({ registry })));
      expect(await registry.getMetricsAsJSON()).toEqual([]);
      await start(promClient({ registry }));
    });

    it('are of one instance, although a process may have two', async () => {
      const [one, other] = [new Registry(), new Registry()];
      const apps = [await start(promClient({ registry: one })), await start(promClient({ registry: other }))];
      await apps[0]?.post(payload(), FROM_PORTAL);
      const flushed = /^cr3dentials_webhook_flush_size_count (.*)$/m;
      expect((await one.metrics()).match(flushed)?.[1]).toBe('1');
      expect((await other.metrics()).match(flushed)?.[1]).toBe('0');
    });
  });

  describe('of OpenTelemetry', () => {
    it('have each series of the table after an eventful hour, and no other', async () => {
      const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
      const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
      const meterProvider = new MeterProvider({ readers: [reader] });
      const clock = new MovingClock();
      const app = await start(openTelemetry({ traces: false, meterProvider }), clock);
      await happenAndBeRead(app, clock);
      await reader.forceFlush();
      const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
      expect(found.map(({ descriptor }) => descriptor.name).toSorted()).toEqual(
        metricNames.map((name) => `cr3dentials_webhook.${name}`).toSorted(),
      );
      for (const name of metricNames) {
        const metric = found.find(({ descriptor }) => descriptor.name === `cr3dentials_webhook.${name}`);
        const { unit, attributes, buckets } = definitionOf(name);
        expect(metric?.descriptor.unit).toBe(unit);
        expect([name, (metric?.dataPoints ?? []).length > 0]).toEqual([name, true]);
        const keys = new Set((metric?.dataPoints ?? []).flatMap((point) => Object.keys(point.attributes)));
        const known = new Set(attributes.map((key) => (key === 'error.type' ? key : `cr3dentials_webhook.${key}`)));
        expect([...keys].filter((key) => !known.has(key))).toEqual([]);
        const [first] = metric?.dataPoints ?? [];
        const boundaries = (first?.value as Partial<Histogram> | undefined)?.buckets?.boundaries;
        expect(boundaries).toEqual(buckets);
      }
      await host.stop(app);
      await meterProvider.shutdown();
    });

    it('say when the numbers of the inbox could not be read: the SDK reports the last that it was told', async () => {
      const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
      const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
      const meterProvider = new MeterProvider({ readers: [reader] });
      const clock = new MovingClock();
      const app = await start(openTelemetry({ traces: false, meterProvider }), clock);
      const readable = async () => {
        exporter.reset();
        await reader.forceFlush();
        const found = exporter
          .getMetrics()
          .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
        return found
          .find(({ descriptor }) => descriptor.name.endsWith('.readable'))
          ?.dataPoints.map(({ value }) => value);
      };
      expect(await readable()).toEqual([1]);
      clock.advance(10_000);
      jest.spyOn(app.nest.get(GaugeQueries), 'read').mockRejectedValue(new Error('down'));
      expect(await readable()).toEqual([0]);
      await meterProvider.shutdown();
    });
  });

  it('go together with telemetry of the host’s own', async () => {
    const registry = new Registry();
    const starts: string[] = [];
    const own = { start: ({ instance }: { instance: string }) => void starts.push(instance) };
    const app = await host.start((a) =>
      a.withHandlers(Fail).withOptions({ telemetry: [promClient({ registry }), own] }),
    );
    await until('both have started', () => starts.length === 1);
    await app.post(payload());
    expect(await registry.metrics()).toContain('cr3dentials_webhook_receive_duration_seconds_count');
  });
});
