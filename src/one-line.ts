const MAX_LENGTH = 500;

/** An error or text for a log line or a column: one line whatever the input, capped, without stack or parameters. */
export function oneLine(value: unknown): string {
  const text = value instanceof Error ? `${value.name}: ${value.message}` : String(value);
  const line = text.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…`.toWellFormed() : line;
}
