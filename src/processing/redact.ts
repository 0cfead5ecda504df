import { oneLine, textOf } from '../one-line.js';
import type { VerificationEvent } from './verification.event.js';

/** A longer text is not searched: that could take long. */
const MAX_LENGTH = 1_000_000;
/** Shorter values are words like "ok", which would make every message unreadable. */
const MIN_VALUE_LENGTH = 3;

/** An error for a log line or a column: without the values of the payload that a handler or database may have quoted. */
export function withoutPayload(error: unknown, event: VerificationEvent): string {
  const text = textOf(error);
  if (text.length > MAX_LENGTH)
    return `An error of ${text.length} characters, too long to be searched for personal data.`;
  const quoted = [...leaves([event.extractedData, event.metadata, event.externalReferenceId, event.proofHash])]
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    .filter((value) => value.length >= MIN_VALUE_LENGTH && text.includes(value));
  if (quoted.length === 0) return oneLine(text);
  const longestFirst = [...new Set(quoted)].toSorted((a, b) => b.length - a.length).map(escaped);
  return oneLine(text.replace(new RegExp(longestFirst.join('|'), 'g'), '[redacted]'));
}

function* leaves(value: unknown): Generator<string> {
  if (typeof value === 'string' || typeof value === 'number') yield String(value);
  else if (value !== null && typeof value === 'object')
    for (const member of Object.values(value)) yield* leaves(member);
}

function escaped(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
