import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onOccurrence, occurrences, type Telemetry } from 'nestjs-cr3dentials-webhook';
import { openTelemetry } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailOnceWhenErrored, RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

const DELIVERIES = 250;
const AT_ONCE = 50;
const SHUTDOWN_MS = 8_000;

const never = () => new Promise<never>(() => {});

function fail(): never {
  throw new TypeError('hostile');
}

/** Takes what it is given, and never says that it has. */
const hangingSpans: SpanExporter = { export: () => {}, forceFlush: never, shutdown: never };
const hangingMetrics = { export: () => {}, forceFlush: never, shutdown: never };

function hanging(processor: SpanProcessor): Telemetry {
  const reader = new PeriodicExportingMetricReader({
    exporter: hangingMetrics,
    exportIntervalMillis: 50,
    exportTimeoutMillis: 40,
  });
  return openTelemetry({
    batches: true,
    semanticMetrics: true,
    tracerProvider: new BasicTracerProvider({ spanProcessors: [processor] }),
    meterProvider: new MeterProvider({ readers: [reader] }),
  });
}

const throwing: SpanProcessor = { onStart: fail, onEnd: fail, forceFlush: fail, shutdown: fail };
const silent = { onStart: () => {}, forceFlush: never, shutdown: never };

const hostile: [string, () => Telemetry | Telemetry[]][] = [
  ['an exporter that hangs behind a queue', () => hanging(new BatchSpanProcessor(hangingSpans))],
  ['an exporter that hangs at each span', () => hanging(new SimpleSpanProcessor(hangingSpans))],
  ['a span processor that throws', () => hanging(throwing)],
  ['a span processor that throws at the end only', () => hanging({ ...silent, onEnd: fail })],
  ['hooks that throw', () => ({ start: fail, receiving: fail, around: fail, batch: fail, quiet: fail })],
  [
    'hooks whose promises never settle, and an end that hangs',
    () => ({
      start: () => never,
      receiving: never as never,
      around: never as never,
      batch: never as never,
      quiet: never as never,
    }),
  ],
  [
    'hooks that lie',
    () => ({
      receiving: () => ({ traceparent: 'x'.repeat(1_000), end: fail }),
      around: (run, handle) => {
        run.onEnd(fail);
        handle();
        handle();
      },
      quiet: (work) => void setImmediate(work),
    }),
  ],
  ['the same telemetry several times', () => Array<Telemetry>(3).fill(hanging(new BatchSpanProcessor(hangingSpans)))],
];

describe.each(hostile)('an app with %s', (_, telemetryOf) => {
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  const host = freshHost('sqlite');
  const ends: (() => void)[] = [];

  afterEach(() => {
    for (const end of ends.splice(0)) end();
    context.disable();
  });

  it(`acknowledges and handles ${DELIVERIES} deliveries, and stops in time`, async () => {
    for (const name of occurrences) ends.push(onOccurrence(name, fail)); // and nobody who listens behaves better
    const retry = { initialDelay: 1, maxDelay: 1, jitter: 'none' } as const;
    const app = await host.start((a) =>
      a
        .withHandlers(RememberEvents, FailOnceWhenErrored)
        .withOptions({ telemetry: telemetryOf(), processing: { retry } }),
    );
    for (let n = 0; n < DELIVERIES; n += AT_ONCE) {
      const bodies = Array.from({ length: AT_ONCE }, (__, at) => payload(at === 0 ? { status: 'ERROR' } : {}));
      const answers = await Promise.all(bodies.map((body) => app.post(body)));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    }
    await until('all are completed', async () => (await app.inbox.stats()).completed === DELIVERIES);
    expect(app.nest.get(RememberEvents).sessionIds.length).toBe(DELIVERIES);
    const stopped = host.stop(app).then(() => 'stopped');
    expect(await Promise.race([stopped, sleep(SHUTDOWN_MS, 'hangs')])).toBe('stopped');
  });
});
