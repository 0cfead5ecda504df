const MAX_LINE_LENGTH = 500;
const MAX_CLASS_LENGTH = 64;

/**
 * Returns any value as one line for a log line or a column, cut off after 500 characters. The line of an error has no
 * stack and no SQL parameters.
 */
export function toSingleLine(value: unknown): string {
  const line = safeToString(value)
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…`.toWellFormed() : line;
}

/** Returns the name of an error in one line, without its message, which may quote values. */
export function errorName(error: unknown): string {
  try {
    return toSingleLine(Object(error).name);
  } catch {
    return 'an error without a name';
  }
}

/**
 * Returns the name of the class of an error, or the type of what else was thrown. The name of a class comes from the
 * source code, whereas `error.name` can be set to anything.
 */
export function errorClass(error: unknown): string {
  try {
    const name: unknown = error instanceof Error ? error.constructor.name : typeof error;
    return toSingleLine(name).slice(0, MAX_CLASS_LENGTH) || 'Error';
  } catch {
    return 'Error';
  }
}

/** Returns a thrown value as text. Never throws, although a handler may throw an object whose `toString()` throws. */
export function safeToString(value: unknown): string {
  try {
    return value instanceof Error ? `${value.name}: ${value.message}` : String(value);
  } catch {
    return 'something that cannot be written as text';
  }
}
