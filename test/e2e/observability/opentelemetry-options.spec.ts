import { describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, type Sampler } from '@opentelemetry/sdk-trace-base';
import { OnVerification, PermanentError, VerificationCompleted, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { openTelemetry, type OpenTelemetryOptions } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeliveryRepository } from '../../../src/inbox/delivery.repository.js';
import { FailOnceWhenErrored, RememberEvents } from '../../support/app/doubles.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { linkedIdsOf, parentIdOf, Traced } from '../../support/app/traced.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Mixed {
  @OnVerification(VerificationErrored, { id: 'hopeless' })
  fail(): void {
    throw new PermanentError('for good');
  }

  @OnVerification(VerificationCompleted, { id: 'good' })
  succeed(): void {}
}

describe.each(databases)('the option "batches", on %s', (kind) => {
  const traced = new Traced();
  const host = freshHost(kind);
  const telemetry = openTelemetry({ metrics: false, batches: true, tracerProvider: traced.provider });
  const recordIds = () => traced.named('record inbox').map((span) => span.spanContext().spanId);

  it('makes a root span of each batch, linked to the POSTs of its deliveries', async () => {
    const app = await host.start((a) => a.withHandlers(Mixed).withOptions({ telemetry }));
    const [good, bad] = [payload(), payload({ status: 'ERROR' })];
    await app.post(good);
    await app.delivery(good.sessionId, 'completed');
    await app.post(bad);
    await app.delivery(bad.sessionId, 'dead');
    await until('both outcomes have spans', () => traced.named('settle inbox').length === 2);
    for (const [name, type] of [
      ['flush', 'send'],
      ['settle', 'settle'],
    ] as const) {
      const spans = traced.named(`${name} inbox`);
      expect(spans.flatMap(linkedIdsOf)).toEqual(recordIds());
      for (const span of spans) {
        expect(parentIdOf(span)).toBeUndefined();
        expect(span).toMatchObject({
          kind: SpanKind.CLIENT,
          attributes: {
            'messaging.system': 'cr3dentials_webhook',
            'messaging.destination.name': 'inbox',
            'messaging.operation.name': name,
            'messaging.operation.type': type,
            'messaging.batch.message_count': 1,
          },
        });
        expect(span.duration[0]).toBe(0);
        const [seconds] = span.startTime;
        expect(Math.abs(seconds - Date.now() / 1_000)).toBeLessThan(30);
      }
    }
  });

  it('makes one of a claim with many deliveries, linked to 32 of them, and none of an empty one', async () => {
    const receiver = await host.start((a) => a.withOptions({ ...RECEIVE_ONLY, telemetry }));
    await Promise.all(Array.from({ length: 40 }, () => receiver.post(payload())));
    const worker = await host.start((a) => a.withHandlers(RememberEvents).withOptions({ telemetry }));
    await until('all are claimed', () => counted() === 40);
    const links = traced.named('claim inbox').map(linkedIdsOf);
    expect(links.flat().every((id) => recordIds().includes(id))).toBe(true);
    expect(Math.max(...links.map((ids) => ids.length))).toBeLessThanOrEqual(32);
    expect(links.flat().length).toBeGreaterThan(0);
    await until('all are settled', async () => (await worker.inbox.stats()).completed === 40);
    const before = traced.spans.length;
    await sleep(500); // polls, every 25 ms
    expect(traced.spans.slice(before).map(({ name }) => name)).toEqual([]);

    function counted(): number {
      const claims = traced.named('claim inbox').map(({ attributes }) => attributes['messaging.batch.message_count']);
      return claims.reduce((sum: number, count) => sum + Number(count), 0);
    }
  });

  it('makes one of what could not be written', async () => {
    const app = await host.start((a) => a.withOptions({ telemetry }));
    app.nest.get(DeliveryRepository).record = () => Promise.reject(Object.assign(new RangeError('no'), { code: 'X1' }));
    expect((await app.post(payload())).status).toBe(503);
    const [span] = traced.named('flush inbox');
    expect(span).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'X1' } });
  });
});

describe('the option "spanAttributes"', () => {
  const traced = new Traced();
  const host = freshHost('sqlite');

  function start(options: OpenTelemetryOptions): Promise<WebhookApp> {
    const telemetry = openTelemetry({ metrics: false, tracerProvider: traced.provider, ...options });
    return host.start((a) => a.withHandlers(RememberEvents).withOptions({ telemetry }));
  }

  async function spanOfRun(app: WebhookApp) {
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    await until('its span has ended', () => traced.named('handle remember').length === 1);
    return { body, attributes: traced.named('handle remember')[0]?.attributes };
  }

  it('adds what the host takes out of the event, and nothing without it', async () => {
    const app = await start({ spanAttributes: ({ sessionId }, { handler }) => ({ session: sessionId, by: handler }) });
    const { body, attributes } = await spanOfRun(app);
    expect(attributes).toMatchObject({ session: body.sessionId, by: 'remember' });
    const others = traced.spans.filter(({ name }) => name !== 'handle remember');
    expect(JSON.stringify(others.map((span) => span.attributes))).not.toContain(body.sessionId);
  });

  it.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new TypeError('of the host');
      },
    ],
    ['returns a promise that rejects', () => Promise.reject(new TypeError('of the host')) as never],
    ['returns nothing', () => undefined as never],
    ['returns what is no attributes', () => ({ a: { b: () => {} }, c: Symbol('d') }) as never],
  ])('harms nothing when it %s', async (_, spanAttributes) => {
    const { attributes } = await spanOfRun(await start({ spanAttributes }));
    expect(attributes).toMatchObject({ 'cr3dentials_webhook.outcome': 'completed' });
  });

  it('is not called for a span that is not kept', async () => {
    const sampler: Sampler = { shouldSample: () => ({ decision: 0 }), toString: () => 'none' };
    let calls = 0;
    const spanAttributes = () => ({ calls: ++calls });
    const app = await start({ spanAttributes, tracerProvider: new BasicTracerProvider({ sampler }) });
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(calls).toBe(0);
  });
});

describe('the option "semanticMetrics"', () => {
  const host = freshHost('sqlite');
  const PREFIX = 'messaging.';

  async function collected(semanticMetrics?: boolean) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const meterProvider = new MeterProvider({ readers: [reader] });
    const telemetry = openTelemetry({ traces: false, meterProvider, ...(semanticMetrics && { semanticMetrics }) });
    const retry = { initialDelay: 1, maxDelay: 1, jitter: 'none' } as const;
    const app = await host.start((a) =>
      a.withHandlers(Mixed, FailOnceWhenErrored).withOptions({ telemetry, processing: { retry } }),
    );
    const [good, bad] = [payload(), payload({ status: 'ERROR' })];
    await app.post(good);
    await app.post(bad);
    await app.delivery(good.sessionId, 'completed');
    await until('it has been retried', async () => (await app.inbox.list({ state: 'dead' })).length === 1);
    await host.stop(app);
    await reader.forceFlush();
    const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    await meterProvider.shutdown(); // it exports once more
    return found.filter(({ descriptor }) => descriptor.name.startsWith(PREFIX));
  }

  it('adds the metrics of the conventions, with their attributes and buckets', async () => {
    const found = await collected(true);
    expect(found.map(({ descriptor }) => [descriptor.name, descriptor.unit]).toSorted()).toEqual([
      ['messaging.client.consumed.messages', '{message}'],
      ['messaging.client.operation.duration', 's'],
      ['messaging.process.duration', 's'],
    ]);
    const points = (name: string) => found.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
    const common = { 'messaging.system': 'cr3dentials_webhook', 'messaging.destination.name': 'inbox' };
    for (const { attributes } of found.flatMap(({ dataPoints }) => dataPoints as { attributes: object }[]))
      expect(attributes).toMatchObject(common);
    const operations = points('messaging.client.operation.duration').map(
      ({ attributes }) => attributes['messaging.operation.name'],
    );
    expect([...new Set(operations)].toSorted()).toEqual(['claim', 'record', 'settle']);
    const runs = points('messaging.process.duration').map(({ attributes }) => [
      attributes['messaging.destination.subscription.name'],
      attributes['error.type'],
    ]);
    expect(runs.toSorted()).toEqual([
      ['fail-once', undefined],
      ['fail-once', 'Error'],
      ['good', undefined],
      ['hopeless', 'PermanentError'],
    ]);
    const [consumed] = points('messaging.client.consumed.messages');
    expect(consumed?.value).toBe(3); // one is processed twice
    const value = points('messaging.process.duration')[0]?.value as Histogram | undefined;
    expect(value?.buckets.boundaries).toEqual([
      0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
    ]);
  });

  it('is off unless it is asked for', async () => {
    expect(await collected()).toEqual([]);
  });
});

describe('an SDK that is started after the boot', () => {
  const traced = new Traced();
  const host = freshHost('sqlite');

  it('gets spans, and the app runs on', async () => {
    const app = await host.start((a) => a.withHandlers(RememberEvents).withOptions({ telemetry: openTelemetry() }));
    const before = payload();
    await app.post(before);
    await app.delivery(before.sessionId, 'completed');
    trace.setGlobalTracerProvider(traced.provider);
    try {
      const body = payload();
      await app.post(body);
      await app.delivery(body.sessionId, 'completed');
      await until('its span has ended', () => traced.named('handle remember').length === 1);
      expect(parentIdOf(traced.named('handle remember')[0])).toBe(
        traced.named('record inbox')[0]?.spanContext().spanId,
      );
    } finally {
      trace.disable();
    }
  });
});
