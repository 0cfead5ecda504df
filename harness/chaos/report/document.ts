import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Results } from '../campaign.js';
import { markdownOf } from './markdown.js';

const END = '<!-- end of the figures -->';

/** The text with its figures made anew from the results in `file`. */
export function withFigures(text: string, file: string, results: Results): string {
  const begin = text.indexOf('<!-- figures of ');
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('The document has no place for figures.');
  const figures = `<!-- figures of reliability/${basename(file)} -->\n\n${markdownOf(results)}\n\n`;
  return text.slice(0, begin) + figures + text.slice(end);
}

/** The results that the document says it shows. */
export function resultsIn(text: string): string {
  const [, file] = /<!-- figures of (\S+) -->/.exec(text) ?? [];
  if (!file) throw new Error('The document does not say whose figures it shows.');
  return file;
}

export function writeDocument(document: string, file: string): void {
  const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
  writeFileSync(document, withFigures(readFileSync(document, 'utf8'), file, results));
}
