const MAX_LINE_LENGTH = 500;

/** For a log line or a column: one line whatever the input, capped, without stack or parameters. */
export function toSingleLine(value: unknown): string {
  const line = safeToString(value)
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…`.toWellFormed() : line;
}

/** What kind of error was thrown, in one line: a name quotes nothing, where a message may. */
export function errorName(error: unknown): string {
  try {
    return toSingleLine(Object(error).name);
  } catch {
    return 'an error without a name';
  }
}

/** What was thrown, in words. A handler may throw anything, also what throws when it is asked what it is. */
export function safeToString(value: unknown): string {
  try {
    return value instanceof Error ? `${value.name}: ${value.message}` : String(value);
  } catch {
    return 'something that cannot be written as text';
  }
}
