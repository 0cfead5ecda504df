import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { onOccurrence, type Telemetry } from 'nestjs-cr3dentials-webhook';
import { openTelemetry } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { emitAnnouncement } from './handler-events.js';

const EXPORT_INTERVAL_MS = 500;
const SUCCESS = { code: 0 };

/** Starts the SDK of OpenTelemetry, whose spans and metrics go nowhere, and emits what the module announces. */
export function startTelemetry(): Telemetry {
  onOccurrence('received', ({ verdict, deliveryId }) => {
    if (verdict === 'accepted' && deliveryId) emitAnnouncement('accepted', deliveryId);
  });
  onOccurrence('settled', ({ state, deliveryId }) => {
    if (state === 'completed') emitAnnouncement('completed', deliveryId);
  });
  const nowhere = {
    export: (_: unknown, done: (result: typeof SUCCESS) => void) => done(SUCCESS),
    shutdown: async () => {},
  };
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: EXPORT_INTERVAL_MS,
    exportTimeoutMillis: EXPORT_INTERVAL_MS,
  });
  setInterval(() => exporter.reset(), EXPORT_INTERVAL_MS).unref();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(nowhere)] }));
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  return openTelemetry();
}
