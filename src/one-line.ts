const MAX_LENGTH = 500;

/** For a log line or a column: one line whatever the input, capped, without stack or parameters. */
export function oneLine(value: unknown): string {
  const line = textOf(value)
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…`.toWellFormed() : line;
}

/** What kind of error was thrown, in one line: a name quotes nothing, where a message may. */
export function nameOf(error: unknown): string {
  try {
    return oneLine(Object(error).name);
  } catch {
    return 'an error without a name';
  }
}

/** What was thrown, in words. A handler may throw anything, also what throws when it is asked what it is. */
export function textOf(value: unknown): string {
  try {
    return value instanceof Error ? `${value.name}: ${value.message}` : String(value);
  } catch {
    return 'something that cannot be written as text';
  }
}
