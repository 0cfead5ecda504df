import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { spanExporter, tracerProvider } from './tracer.js';

const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(tracerProvider);
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

export interface Seen {
  name: string;
  id: string;
  traceId: string;
  parentId: string | undefined;
  linkedIds: string[];
}

export function seenSpans(): Seen[] {
  return spanExporter.getFinishedSpans().map((span) => ({
    name: span.name,
    id: span.spanContext().spanId,
    traceId: span.spanContext().traceId,
    parentId: span.parentSpanContext?.spanId,
    linkedIds: span.links.map((link) => link.context.spanId),
  }));
}

export async function metricNames(): Promise<string[]> {
  await reader.forceFlush();
  const found = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
  return found.flatMap((scope) => scope.metrics.map(({ descriptor }) => descriptor.name));
}
