import { context, metrics, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  TraceIdRatioBasedSampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Telemetry } from '../../../dist/index.js';
import { openTelemetry } from '../../../dist/opentelemetry/index.js';

/** Part of the traces that are kept. */
export const SAMPLED = 0.1;
const SUCCESS = { code: 0 };

/** Takes the spans and forgets them: to send them is not the module's work. */
export const nowhere: SpanExporter = {
  export: (_, done) => done(SUCCESS),
  shutdown: async () => {},
};

/**
 * Returns what the command line asks for, and starts the SDK of OpenTelemetry for it: `metrics`, `traces`, or only the
 * `context` that every app with traces has. On Node 20 that context alone takes more than the spans.
 */
export function telemetry(): Telemetry | undefined {
  const [hasMetrics, hasTraces] = [process.argv.includes('metrics'), process.argv.includes('traces')];
  if (hasMetrics) {
    const reader = new PrometheusExporter({ preventServerStart: true });
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
    return openTelemetry({ traces: false });
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  context.with(ROOT_CONTEXT, () => {}); // from now on, Node follows it
  if (!hasTraces) return undefined;
  const spanProcessors = [new BatchSpanProcessor(nowhere)];
  const sampler = new TraceIdRatioBasedSampler(SAMPLED);
  trace.setGlobalTracerProvider(new BasicTracerProvider({ sampler, spanProcessors }));
  return openTelemetry({ metrics: false });
}
