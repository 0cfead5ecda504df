import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { rowsOf, textOf } from '../support/sources/documents.js';
import { nodesOf, sourceFiles } from '../support/sources/source-files.js';

const DOCUMENT = 'docs/where-it-runs.md';
const withoutTicks = (cell = '') => cell.replaceAll('`', '');

/** The rows of every table, without its head, each with the test that it names last. */
const rows = rowsOf(textOf(DOCUMENT))
  .filter((cells) => cells.at(-1) !== 'test')
  .map((cells) => ({ host: cells[0] ?? '', test: withoutTicks(cells.at(-1)) }));

/** What the sources can say: their texts, and the parts of those with something put in. */
const said = sourceFiles()
  .flatMap(({ tree }) => [...nodesOf(tree)])
  .filter((node) => ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node))
  .map(({ text }) => text);

const messagesOf = (heading: string, column: number) =>
  rowsOf(textOf(DOCUMENT, heading))
    .filter((cells) => cells.at(-1) !== 'test')
    .map((cells) => withoutTicks(cells[column]));

describe(`the rows of ${DOCUMENT}`, () => {
  it('are found', () => {
    expect(rows.length).toBeGreaterThan(30);
  });

  it.each(rows.map(({ host, test }) => [host, test] as const))('have a test: %s', (_, test) => {
    expect(existsSync(test)).toBe(true);
    expect(test).toMatch(/^test\//);
  });

  it.each(messagesOf('What stops the boot', 2))('quote what the source says at boot: %s', (message) => {
    expect(message.length).toBeGreaterThan(15);
    expect(said.some((text) => text.includes(message))).toBe(true);
  });

  it.each(rowsOf(textOf(DOCUMENT, 'What stops the boot')).slice(1))(
    'name the code: %s',
    (_, code = '', message = '') => {
      const source = sourceFiles().find(({ tree }) => tree.text.includes(withoutTicks(message)));
      expect(source?.tree.text).toContain(`'${withoutTicks(code)}'`);
    },
  );

  it.each(messagesOf('What is warned of', 1))('quote what the source warns of: %s', (line) => {
    expect(said.some((text) => text.includes(line))).toBe(true);
  });

  it('name every adapter that is tried', () => {
    const tried = readFileSync('test/packaging/compat/host/adapters.mjs', 'utf8').matchAll(/'(@?[\w/-]+)': \(/g);
    for (const [, name = ''] of tried) expect(textOf(DOCUMENT)).toContain(`\`${name}\``);
  });
});
