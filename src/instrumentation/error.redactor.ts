import { toSingleLine, safeToString } from './single-line.js';

/** Maximum length of a text that is searched. Searching a longer one could block the event loop. */
const MAX_SEARCHED_LENGTH = 1_000_000;
/** Minimum length of a redacted value. Redacting words like "ok" would make every message unreadable. */
const MIN_VALUE_LENGTH = 3;

/** Fields of a payload that may hold personal data. */
interface PersonalData {
  readonly extractedData: unknown;
  readonly metadata: unknown;
  readonly externalReferenceId: unknown;
  readonly proofHash: unknown;
}

/**
 * Returns an error as one line for a log line or a column. Replaces the values of the payload that the error quotes by
 * `[redacted]`. A handler or the database may quote them.
 */
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

/**
 * Yields every scalar inside a value. An instance of a host's class may hold values of any type, and a reference to
 * itself.
 */
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
