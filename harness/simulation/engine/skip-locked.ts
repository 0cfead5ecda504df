/** Ends a SELECT that skips the rows which another transaction has locked. */
export const SKIP_LOCKED = '/*skip locked*/';

/** A statement as SQLite understands it, and the table whose free rows it selects. */
export interface Rewritten {
  readonly text: string;
  readonly table?: string;
}

const FROM = /\bFROM\s+"?(\w+)"?/gi;

/**
 * Puts the condition that a row is free into the SELECT that ends with the marker: into its first table, so that a limit
 * counts free rows only.
 *
 * @param keyOf returns the columns of the primary key of a table
 */
export function rewriteSkipLocked(text: string, keyOf: (table: string) => readonly string[]): Rewritten {
  const end = text.indexOf(SKIP_LOCKED);
  if (end < 0) return { text };
  const start = startOfSelect(text, end);
  const select = text.slice(start, end);
  for (const match of select.matchAll(FROM)) {
    if (depthOf(select.slice(0, match.index)) !== 0) continue;
    const table = match[1] ?? '';
    const key = keyOf(table)
      .map((column) => `"${column}"`)
      .join(` || ' ' || `);
    const free = `FROM (SELECT * FROM "${table}" WHERE is_free('${table}', ${key}))`;
    const rewritten = select.slice(0, match.index) + free + select.slice(match.index + match[0].length);
    return { text: text.slice(0, start) + rewritten + text.slice(end + SKIP_LOCKED.length), table };
  }
  throw new Error(`A SELECT that skips locked rows has no FROM: ${text}`);
}

/** Returns where the parentheses around a place begin. */
function startOfSelect(text: string, end: number): number {
  let depth = 0;
  for (let index = end - 1; index >= 0; index--) {
    if (text[index] === ')') depth++;
    if (text[index] === '(' && --depth < 0) return index + 1;
  }
  return 0;
}

function depthOf(text: string): number {
  return text.split('(').length - text.split(')').length;
}
