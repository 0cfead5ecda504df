/** Characters that a terminal obeys, and those that turn the order of what is read. */
const OBEYED = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Returns a text with what a terminal might obey as `\u001b`. What is stored was written by others. */
export function printable(text: string): string {
  return text.replaceAll(OBEYED, escaped);
}

/** Returns lines with what a terminal might obey escaped in each. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Returns one line of JSON. In its strings, what a terminal might obey is escaped, which parses to the same. */
export function printableJson(value: unknown): string {
  return printable(JSON.stringify(value));
}

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
