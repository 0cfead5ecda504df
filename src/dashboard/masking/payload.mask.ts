import type { MaskedValue } from '../api/contract/masked.js';

/**
 * Documented fields that are shown, because they identify nobody but by what the partner knows, each with what its value
 * looks like. Another value is none that the provider documents, and may be of a person.
 */
const SHOWN_FIELDS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['status', (value: unknown) => isTextLike(value, /^[A-Z_]{1,32}$/)],
  ['platformId', (value: unknown) => typeof value === 'number'],
  ['completedAt', (value: unknown) => isTextLike(value, /^\d{4}-\d\d-\d\d[\dT:.+Z-]{0,30}$/)],
  ['sessionId', (value: unknown) => isTextLike(value, /^.{1,512}$/su)],
  ['externalReferenceId', (value: unknown) => isTextLike(value, /^.{1,512}$/su)],
]);

const MAX_DEPTH = 32;
const MAX_FIELDS = 200;
const MAX_ITEMS = 20;

/** Masks a parsed body: the names of its fields stay, and the values of those that are shown. */
export function maskPayload(body: unknown): MaskedValue {
  if (!isObject(body)) return maskValue(body);
  return objectOf(body, (name, value) => maskField(name, value));
}

/** Masks a value: of a scalar the type is left, neither its value nor its length. */
function maskValue(value: unknown, depth = 0): MaskedValue {
  if (depth > MAX_DEPTH) return { kind: 'cut' };
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => maskValue(item, depth + 1));
    return { kind: 'list', length: value.length, items };
  }
  if (isObject(value)) return objectOf(value, (_, member) => maskValue(member, depth + 1));
  return { kind: 'hidden', type: typeOf(value) };
}

/** Masks a field of a body: shows its value if the field is one that is shown. */
export function maskField(name: string, value: unknown): MaskedValue {
  const isShown = SHOWN_FIELDS.get(name);
  if (isShown && value === null) return { kind: 'shown', value };
  return isShown?.(value) ? { kind: 'shown', value: value as string | number } : maskValue(value, 1);
}

/** Tells whether values of a field are shown. */
export function isShownField(name: string): boolean {
  return SHOWN_FIELDS.has(name);
}

function isTextLike(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function objectOf(value: object, mask: (name: string, member: unknown) => MaskedValue): MaskedValue {
  const entries = Object.entries(value);
  const fields = entries.slice(0, MAX_FIELDS).map(([name, member]) => ({ name, value: mask(name, member) }));
  return { kind: 'object', fields, isCut: entries.length > MAX_FIELDS };
}

function typeOf(value: unknown): 'text' | 'number' | 'boolean' | 'null' {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'number';
  return typeof value === 'boolean' ? 'boolean' : 'null';
}

export function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
