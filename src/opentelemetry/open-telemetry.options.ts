import type { Attributes, MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { AttemptFacts } from '../instrumentation/telemetry.js';
import type { VerificationEvent } from '../processing/handlers/verification.event.js';

/**
 * Options of `openTelemetry()`.
 *
 * @publicApi
 */
export interface OpenTelemetryOptions {
  /** Makes spans of POSTs and of attempts of handlers. @default true */
  traces?: boolean;
  /** Records metrics. @default true */
  metrics?: boolean;
  /**
   * Place of the first attempt of a handler, if it runs in the instance that has received the POST. `'child'`: in the trace
   * of the POST. `'link'`: in a trace of its own, linked to it, as all later ones are. @default 'child'
   */
  firstAttempt?: 'child' | 'link';
  /**
   * Makes spans of the statements for batches of deliveries too: `flush inbox`, `claim inbox` and `settle inbox`, each a
   * trace, linked to the POSTs of 32 deliveries at most. An idle instance makes none. @default false
   */
  batches?: boolean;
  /**
   * Returns more attributes for the span of an attempt, such as the tenant. The event has the data of a person, and what is
   * returned goes to the monitoring system. It is called for spans that are kept. What it throws is logged, and
   * harms nothing.
   */
  spanAttributes?: (event: VerificationEvent, attempt: AttemptFacts) => Attributes;
  /**
   * Records the `messaging.*` metrics of OpenTelemetry's conventions too. Their names may change with the conventions,
   * which are in development. @default false
   */
  semanticMetrics?: boolean;
  /** Provider of the tracer. @default the global one */
  tracerProvider?: TracerProvider;
  /**
   * Provider of the meter. In a process with several apps, give each its own: their gauges would overwrite each other.
   * @default the global one
   */
  meterProvider?: MeterProvider;
}
