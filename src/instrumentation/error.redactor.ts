import { toSingleLine, safeToString } from './single-line.js';

/** A longer text is not searched: that could take long. */
const MAX_SEARCHED_LENGTH = 1_000_000;
/** Shorter values are words like "ok", which would make every message unreadable. */
const MIN_VALUE_LENGTH = 3;

/** What of a payload is nobody's business. */
interface PersonalData {
  readonly extractedData: unknown;
  readonly metadata: unknown;
  readonly externalReferenceId: unknown;
  readonly proofHash: unknown;
}

/** An error for a log line or a column: without the values of the payload that a handler or database may have quoted. */
export function redactError(
  error: unknown,
  { extractedData, metadata, externalReferenceId, proofHash }: PersonalData,
): string {
  const text = safeToString(error);
  if (text.length > MAX_SEARCHED_LENGTH)
    return `An error of ${text.length} characters, too long to be searched for personal data.`;
  const quoted = [...scalarsOf([extractedData, metadata, externalReferenceId, proofHash])]
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    .filter((value) => value.length >= MIN_VALUE_LENGTH && text.includes(value));
  if (quoted.length === 0) return toSingleLine(text);
  const longestFirst = [...new Set(quoted)].toSorted((a, b) => b.length - a.length).map(escapeRegExp);
  return toSingleLine(text.replace(new RegExp(longestFirst.join('|'), 'g'), '[redacted]'));
}

/** What a host's class has made of the data may be of any kind, and hold itself. */
function* scalarsOf(value: unknown, seen = new Set<object>()): Generator<string> {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') yield String(value);
  if (value === null || typeof value !== 'object' || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Date) yield* [String(value), JSON.stringify(value).slice(1, -1)];
  const members = value instanceof Map || value instanceof Set ? [...value].flat() : Object.values(value);
  for (const member of members) yield* scalarsOf(member, seen);
}

function escapeRegExp(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
