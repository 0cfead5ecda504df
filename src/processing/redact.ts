import { oneLine } from '../one-line.js';
import type { VerificationEvent } from './verification.event.js';

const MAX_READ = 10_000;
/** Shorter values are words like "ok", which would make every message unreadable. */
const MIN_LENGTH = 3;

/** An error for a log line or a column: without the values of the payload that a handler or database may have quoted. */
export function withoutPayload(error: unknown, event: VerificationEvent): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const values = [...leaves([event.extractedData, event.metadata, event.externalReferenceId, event.proofHash])]
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    .filter((value) => value.length >= MIN_LENGTH)
    .toSorted((a, b) => b.length - a.length);
  return oneLine(values.reduce((message, value) => message.replaceAll(value, '[redacted]'), text.slice(0, MAX_READ)));
}

function* leaves(value: unknown): Generator<string> {
  if (typeof value === 'string' || typeof value === 'number') yield String(value);
  else if (value !== null && typeof value === 'object')
    for (const member of Object.values(value)) yield* leaves(member);
}
