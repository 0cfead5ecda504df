import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

const SUCCESS = 0;

/** Writes a line for each span. In production, an exporter sends them to a tracing system instead. */
export class SpanPrinter implements SpanExporter {
  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    for (const span of spans) console.log(lineOf(span));
    done({ code: SUCCESS });
  }

  async shutdown(): Promise<void> {}
}

function lineOf(span: ReadableSpan): string {
  const { name, attributes, links, duration } = span;
  const outcome = attributes['cr3dentials_webhook.verdict'] ?? attributes['cr3dentials_webhook.outcome'] ?? '';
  const linked = links.map(({ context }) => `, linked to ${context.traceId}`).join('');
  const milliseconds = duration[0] * 1_000 + duration[1] / 1_000_000;
  return `[Trace ${span.spanContext().traceId}${linked}] ${name}: ${outcome} in ${milliseconds.toFixed(1)} ms`;
}
