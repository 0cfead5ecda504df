import { metrics, trace, type Meter } from '@opentelemetry/api';
import type { Telemetry, TelemetrySource } from '../instrumentation/telemetry.js';
import { InboxMetrics } from '../metrics/inbox.metrics.js';
import { BatchSpans } from './batch.spans.js';
import type { OpenTelemetryOptions } from './open-telemetry.options.js';
import { OtelInstruments } from './otel.instruments.js';
import { SemanticMetrics } from './semantic.metrics.js';
import { Spans } from './spans.js';

const SCOPE = 'nestjs-cr3dentials-webhook';

/**
 * Returns telemetry for the option `telemetry` of the module: spans and metrics of OpenTelemetry. The app starts the
 * SDK before Nest. Polls and renewals of the inbox are not traced, so that an idle instance makes no span.
 *
 * @publicApi
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  const { firstAttempt = 'child', batches = false, spanAttributes, semanticMetrics = false } = options;
  const { tracerProvider = trace, meterProvider = metrics } = options;
  const tracer = (options.traces ?? true) && tracerProvider.getTracer(SCOPE);
  const spans = tracer && new Spans(tracer, firstAttempt, spanAttributes);
  const batchSpans = tracer && batches ? new BatchSpans(tracer) : undefined;
  const semantic = (options.metrics ?? true) && semanticMetrics ? new SemanticMetrics() : undefined;
  const followers = [batchSpans, semantic].filter((follower) => follower !== undefined);
  return {
    ...(spans && {
      receiving: () => spans.receiving(),
      around: (attempt, handle, event) => spans.around(attempt, handle, event),
      quiet: (work) => spans.quiet(work),
      active: () => spans.active(),
    }),
    ...(followers.length > 0 && { batch: (batch) => followers.forEach((follower) => follower.batch(batch)) }),
    ...((options.metrics ?? true) && {
      start: (source) => startMetrics(source, meterProvider.getMeter(SCOPE), semantic),
    }),
  };
}

function startMetrics(source: TelemetrySource, meter: Meter, semantic: SemanticMetrics | undefined): () => void {
  const instruments = new OtelInstruments(meter);
  const ends = [new InboxMetrics(instruments, source.instance).start(), instruments.observe(source)];
  if (semantic) ends.push(semantic.start(source, meter));
  return () => {
    for (const end of ends) end();
  };
}
