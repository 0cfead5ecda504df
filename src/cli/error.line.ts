const MAX_LENGTH = 500;

interface Named {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
}

/** Returns an error in one line, by its code where it has one: the message of a database may quote values. */
export function errorLine(error: unknown): string {
  const { name = 'Error', message, code } = Object(error) as Named;
  return lineOf(`${String(name)} ${String(code ?? message ?? '')}`);
}

/** Returns the message of an error in one line; its code if it has none, as one of several addresses. */
export function messageLine(error: unknown): string {
  const { name, message, code } = Object(error) as Named;
  return lineOf(String(message || code || name));
}

function lineOf(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, MAX_LENGTH).trim();
}
