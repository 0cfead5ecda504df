import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A fenced code block of a document. */
export interface Block {
  readonly document: string;
  /** Of its opening fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /**
   * What the HTML comments before it say, `<!-- key: value -->`, one or several. `assumes`: code that stands before it;
   * `file`: the file that it shows, as it is; `on`: the databases that it is for.
   */
  readonly says: Readonly<Record<string, string>>;
  /** The heading it stands under, without its marks. */
  readonly heading: string;
}

const FENCE = /^( *)```(\w*)\s*$/;

/** Every document that a stranger reads. */
export function documents(): string[] {
  const atTheRoot = readdirSync('.');
  const inDocs = readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name));
  const ofExamples = readdirSync('examples', { recursive: true, encoding: 'utf8' })
    .filter((name) => !/dist|node_modules/.test(name))
    .map((name) => join('examples', name));
  return [...atTheRoot, 'bench/README.md', 'bench/JOURNAL.md', ...inDocs, ...ofExamples]
    .filter((name) => name.endsWith('.md'))
    .toSorted();
}

export function blocks(): Block[] {
  return documents().flatMap((document) => blocksOf(document, readFileSync(document, 'utf8')));
}

/** @throws Error when a fence is left open */
export function blocksOf(document: string, text: string): Block[] {
  const lines = text.split('\n');
  const found: Block[] = [];
  let heading = '';
  for (let index = 0; index < lines.length; index++) {
    heading = /^#+ (.*)$/.exec(lines[index] ?? '')?.[1] ?? heading;
    const fence = FENCE.exec(lines[index] ?? '');
    if (!fence) continue;
    const end = lines.findIndex((line, at) => at > index && line.trim() === '```');
    if (end < 0) throw new Error(`${document}:${index + 1} opens a block that nothing closes.`);
    const code = lines.slice(index + 1, end).map((line) => line.slice(fence[1]?.length));
    const says = commentsIn(lines.slice(0, index).join('\n'));
    found.push({
      document,
      line: index + 1,
      language: fence[2] ?? '',
      code: `${code.join('\n')}\n`,
      says: { ...everyBlockSays(text), ...says },
      heading,
    });
    index = end;
  }
  return found;
}

/** The comments that end a text. */
function commentsIn(before: string): Record<string, string> {
  const [last = ''] = /(<!--(?:(?!-->)[\s\S])*-->\s*)+$/.exec(before) ?? [];
  return parsed(last);
}

/** `<!-- every block: assumes … -->` holds for a whole document. */
function everyBlockSays(text: string): Record<string, string> {
  const [, assumes] = /<!-- every block assumes:\s([\s\S]*?)-->/.exec(text) ?? [];
  return assumes ? { assumes } : {};
}

function parsed(comments: string): Record<string, string> {
  return Object.fromEntries(
    [...comments.matchAll(/<!-- (\w+):\s([\s\S]*?)-->/g)].map(([, key = '', value = '']) => [key, value.trim()]),
  );
}

/** The text of a document, or of one of its sections. */
export function textOf(document: string, heading?: string): string {
  const text = readFileSync(document, 'utf8');
  if (!heading) return text;
  const section = text.split(/^(?=##+ )/m).find((part) => part.split('\n')[0]?.replace(/^#+ /, '') === heading);
  if (!section) throw new Error(`${document} has no section "${heading}".`);
  return section;
}

/** The rows of every table of a text, each as its cells. */
export function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s:|-]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll(String.raw`\|`, '|')),
    );
}
