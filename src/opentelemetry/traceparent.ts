import { INVALID_TRACEID, TraceFlags, type SpanContext } from '@opentelemetry/api';

/** All zeros is no id. */
const PATTERN = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

/** Returns a span context as a W3C `traceparent`; undefined for one that is not valid, such as without an SDK. */
export function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string | undefined {
  if (traceId === INVALID_TRACEID) return undefined;
  return `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? '01' : '00'}`;
}

/** Returns undefined for anything but a valid `traceparent` of version 00. Not by groups, which take twice as long. */
export function parseTraceparent(text: string | null): SpanContext | undefined {
  return text !== null && PATTERN.test(text) ? readTraceparent(text) : undefined;
}

/** Reads a text that is known to be a `traceparent`: to check it takes as long as to start a span. */
export function readTraceparent(text: string): SpanContext {
  const traceFlags = Number.parseInt(text.slice(53), 16) & TraceFlags.SAMPLED;
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), traceFlags, isRemote: true };
}
