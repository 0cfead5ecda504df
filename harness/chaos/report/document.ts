import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Results } from '../campaign.js';
import { appendixOf, markdownOf } from './markdown.js';

const END = '<!-- end of the figures -->';
/** Folder of the results that the documents show. */
const PUBLISHED = 'harness/chaos/published';

export const DOCUMENT = 'docs/reliability.md';
/** The figures of every fault on every database, which are too many for the document. */
export const APPENDIX = 'docs/reliability/figures.md';

/** Returns the text with its figures made anew from the results in `file`. */
export function withFigures(text: string, file: string, results: Results, made = markdownOf): string {
  const begin = text.indexOf('<!-- figures of ');
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('The document has no place for figures.');
  const figures = `<!-- figures of ${PUBLISHED}/${basename(file)} -->\n\n${made(results)}\n\n`;
  return text.slice(0, begin) + figures + text.slice(end);
}

/** Returns the file whose figures the document says it shows. */
export function resultsIn(text: string): string {
  const [, file] = /<!-- figures of (\S+) -->/.exec(text) ?? [];
  if (!file) throw new Error('The document does not say whose figures it shows.');
  return file;
}

/** Writes the figures of `file` into the document and its appendix. */
export function writeDocument(document: string, file: string): void {
  const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
  writeFileSync(document, withFigures(readFileSync(document, 'utf8'), file, results));
  writeFileSync(APPENDIX, withFigures(readFileSync(APPENDIX, 'utf8'), file, results, appendixOf));
}
