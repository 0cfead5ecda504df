/** Starts the SDK of OpenTelemetry. `node --import` loads this file before the app. */
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { metricsPort } from './environment.js';
import { SpanPrinter } from './span.printer.js';

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new SpanPrinter())] }),
);
metrics.setGlobalMeterProvider(
  new MeterProvider({ readers: [new PrometheusExporter({ host: '127.0.0.1', port: metricsPort })] }),
);
