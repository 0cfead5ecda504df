import { distance } from 'fastest-levenshtein';
import { MAX_TIMER_MS } from './concurrency/with-timeout.js';
import { Cr3dentialsWebhookError } from './cr3dentials-webhook.error.js';

/** Last moment that a `Date` can have. */
export const MAX_MOMENT_MS = 8_640_000_000_000_000;

/** Throws `OPTIONS_INVALID` when a value is not what the option of this name must be. */
export interface Check {
  /** @param known paths of all options, from which a suggestion for an unknown one is taken */
  (value: unknown, name: string, known?: readonly string[]): void;
  /** Paths of the options inside this one. */
  readonly within?: readonly string[];
}

export const anything: Check = () => {};

export const boolean: Check = (value, name) => {
  if (typeof value !== 'boolean') throw invalid(`Option "${name}" must be true or false, not ${kind(value)}.`);
};

export const callable: Check = (value, name) => {
  if (typeof value !== 'function') throw invalid(`Option "${name}" must be a function, not ${kind(value)}.`);
};

export const text: Check = (value, name) => {
  if (value === '') throw invalid(`Option "${name}" must be a string that is not empty.`);
  if (typeof value !== 'string')
    throw invalid(`Option "${name}" must be a string that is not empty, not ${kind(value)}.`);
};

/** Text that is kept: PostgreSQL takes no NUL. */
export function textUpTo(length: number): Check {
  return (value, name) => {
    text(value, name);
    if ((value as string).includes('\0')) throw invalid(`Option "${name}" has a NUL character. Remove it.`);
    if ((value as string).length > length)
      throw invalid(`Option "${name}" is longer than ${length} characters. Shorten it.`);
  };
}

export const finite: Check = (value, name) => {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw invalid(`Option "${name}" must be a number, not ${kind(value)}.`);
};

export const instant: Check = (value, name) => {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) {
    throw invalid(`Option "${name}" must be a valid Date. Write new Date('2026-01-31T00:00:00Z').`);
  }
};

export function whole(from: number, to = MAX_TIMER_MS): Check {
  return (value, name) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < from || value > to) {
      throw invalid(
        `Option "${name}" must be a whole number from ${from} to ${to}, not ${typeof value === 'number' ? value : kind(value)}.`,
      );
    }
  };
}

export function atLeast(least: number): Check {
  return (value, name) => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least) {
      throw invalid(
        `Option "${name}" must be a number from ${least}, not ${typeof value === 'number' ? value : kind(value)}.`,
      );
    }
  };
}

/** A number from 0 to 1. */
export const share: Check = (value, name) => {
  atLeast(0)(value, name);
  if ((value as number) > 1) throw invalid(`Option "${name}" must be a share from 0 to 1.`);
};

export function oneOf(...choices: string[]): Check {
  return (value, name) => {
    if (!choices.includes(value as string))
      throw invalid(`Option "${name}" must be one of ${choices.map((c) => `"${c}"`).join(', ')}.`);
  };
}

export function listOf(check: Check): Check {
  return containing(
    (check.within ?? []).map((path) => `[].${path}`),
    (value, name, known) => {
      if (!Array.isArray(value)) throw invalid(`Option "${name}" must be an array, not ${kind(value)}.`);
      for (const [index, entry] of value.entries()) check(entry, `${name}[${index}]`, known); // holes too, unlike forEach
    },
  );
}

export function notEmpty(check: Check, remedy: string): Check {
  return containing(check.within, (value, name, known) => {
    check(value, name, known);
    if ((value as unknown[]).length === 0) throw invalid(`Option "${name}" is empty. ${remedy}`);
  });
}

export function either(accepts: (value: unknown) => boolean, then: Check, otherwise: Check): Check {
  return containing([...(then.within ?? []), ...(otherwise.within ?? [])], (value, name, known) =>
    (accepts(value) ? then : otherwise)(value, name, known),
  );
}

/** Accepts an object with these fields and no others. A field that is undefined counts as left out. */
export function fields(checks: Readonly<Record<string, Check>>): Check {
  const within = pathsOf(checks);
  return containing(within, (value, name, known = within) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw invalid(`Option "${name}" must be an object, not ${kind(value)}.`);
    }
    const prefix = name && `${name}.`;
    for (const [key, given] of Object.entries(value)) {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      if (!check)
        throw invalid(`Unknown option "${prefix}${key}".${suggestion(key, prefix, Object.keys(checks), known)}`);
      if (given !== undefined) check(given, prefix + key, known);
    }
  });
}

/** Returns the path of every option, such as `processing.retry.attempts` or `auth.secrets[].id`. */
export function pathsOf(checks: Readonly<Record<string, Check>>): string[] {
  return Object.entries(checks).flatMap(([name, { within = [] }]) => [
    name,
    ...within.map((path) => (path.startsWith('[') ? name + path : `${name}.${path}`)),
  ]);
}

export function containing(within: readonly string[] | undefined, check: Check): Check {
  return Object.assign((...given: Parameters<Check>) => check(...given), { within });
}

/**
 * Suggests the option that was probably meant: a similar name beside it, or nearly the same name elsewhere. Without
 * one, it lists the known names.
 */
function suggestion(key: string, prefix: string, siblings: readonly string[], known: readonly string[]): string {
  const here = siblings.map((name) => ({ name, path: prefix + name, most: Math.max(2, name.length / 2) }));
  const elsewhere = known.map((path) => {
    const name = path.slice(path.lastIndexOf('.') + 1);
    return { name, path, most: Math.min(2, name.length / 4) };
  });
  const [nearest] = [...here, ...elsewhere]
    .map((option) => ({ ...option, away: distanceOf(key, option.name) }))
    .filter(({ away, most }) => away <= most)
    .toSorted((a, b) => a.away - b.away);
  return nearest
    ? ` Did you mean "${nearest.path}"?`
    : ` Known are ${siblings.map((name) => `"${prefix}${name}"`).join(', ')}.`;
}

/** Returns the edit distance of two names. A name that was cut off, such as `poll`, counts as one letter away. */
function distanceOf(key: string, name: string): number {
  return key.length > 3 && key.length < name.length && name.startsWith(key) ? 1 : distance(key, name);
}

export function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

export function invalid(message: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError('OPTIONS_INVALID', message);
}

export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const isString = (value: unknown): boolean => typeof value === 'string';
