import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type Link, type Tracer } from '@opentelemetry/api';
import type { BatchFacts, Telemetry } from '../instrumentation/telemetry.js';
import { attributesOf, operations } from './messaging.js';
import { parseTraceparent } from './traceparent.js';

/** Makes a span of the statements for each batch of deliveries. The statements themselves stay untraced. */
export class BatchSpans implements Pick<Required<Telemetry>, 'batch'> {
  constructor(private readonly tracer: Tracer) {}

  batch({ operation, count, traceparents, duration, error }: BatchFacts): void {
    const startTime = performance.now() - duration;
    const attributes = { ...attributesOf(operations[operation]), 'messaging.batch.message_count': count };
    const links = traceparents.flatMap((traceparent): Link[] => {
      const post = parseTraceparent(traceparent);
      return post ? [{ context: post }] : [];
    });
    const options = { kind: SpanKind.CLIENT, startTime, attributes, links };
    const span = this.tracer.startSpan(`${operation} inbox`, options, ROOT_CONTEXT);
    if (error) {
      span.setAttribute('error.type', error.type);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }
}
