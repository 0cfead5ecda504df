import { toSingleLine, safeToString } from './single-line.js';

/** Length of the start of a text that is searched. Much less of it is kept. */
const SEARCHED_LENGTH = 4_000;
/** Length of the start of a value that tells it apart where the end of the searched text cuts it off. */
const PROBE_LENGTH = 8;
/** Minimum length of a redacted value. Redacting words like "ok" would make every message unreadable. */
const MIN_VALUE_LENGTH = 3;

/** Characters that JSON escapes. */
const NEEDS_ESCAPE = /["\\\p{Cc}\p{Cs}]/u;
const REDACTED = '[redacted]';

/** Fields of a payload that may hold personal data. */
interface PersonalData {
  readonly extractedData: unknown;
  readonly metadata: unknown;
  readonly externalReferenceId: unknown;
  readonly proofHash: unknown;
  readonly sessionId: unknown;
}

/**
 * Returns an error as one line for a log line or a column. Replaces the values of the payload that the error quotes by
 * `[redacted]`. A handler or the database may quote them.
 */
export function redactError(
  error: unknown,
  { extractedData, metadata, externalReferenceId, proofHash, sessionId }: PersonalData,
): string {
  const text = safeToString(error);
  const searched = text.slice(0, SEARCHED_LENGTH);
  const starts = startsIn(searched);
  const quoted = new Set<string>();
  for (const scalar of scalarsOf([extractedData, metadata, externalReferenceId, proofHash, sessionId])) {
    for (const value of formsOf(scalar)) {
      if (value.length < MIN_VALUE_LENGTH || !starts.has(value.slice(0, MIN_VALUE_LENGTH))) continue;
      const found = searched.includes(value) ? value : cutOff(value, searched);
      if (found) quoted.add(found);
    }
  }
  const longestFirst = [...quoted].toSorted((one, other) => other.length - one.length).map(escapeRegExp);
  const kept = quoted.size > 0 ? searched.replace(new RegExp(longestFirst.join('|'), 'g'), REDACTED) : searched;
  if (text.length <= SEARCHED_LENGTH || kept.endsWith(REDACTED)) return toSingleLine(kept);
  // The end may be the start of a value, too short to be told from other text.
  return toSingleLine(`${kept.slice(0, 1 - PROBE_LENGTH)}…`);
}

/** Returns a text without these values. Short ones are left: a text without them would be unreadable. */
export function redactValues(text: string, values: readonly string[]): string {
  return values.reduce((left, value) => {
    const forms = value.length < MIN_VALUE_LENGTH ? [] : [value, toSingleLine(value), ...formsOf(value)];
    return forms.reduce((rest, form) => rest.replaceAll(form, REDACTED), left);
  }, text);
}

/** Returns a value as it is, and as JSON holds it if that differs. */
function formsOf(scalar: string): string[] {
  return NEEDS_ESCAPE.test(scalar) ? [scalar, JSON.stringify(scalar).slice(1, -1)] : [scalar];
}

/** Returns the starts of all values that a text can hold, so that most values need no search. */
function startsIn(text: string): Set<string> {
  const starts = new Set<string>();
  for (let at = 0; at + MIN_VALUE_LENGTH <= text.length; at++) starts.add(text.slice(at, at + MIN_VALUE_LENGTH));
  return starts;
}

/** Returns the part of a value with which a text ends. */
function cutOff(value: string, text: string): string | undefined {
  const probe = value.slice(0, PROBE_LENGTH);
  const from = Math.max(0, text.length - value.length);
  for (let at = text.indexOf(probe, from); at !== -1; at = text.indexOf(probe, at + 1))
    if (value.startsWith(text.slice(at))) return text.slice(at);
  return undefined;
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
