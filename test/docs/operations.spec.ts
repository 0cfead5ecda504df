import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { rowsOf, textOf } from '../support/sources/documents.js';
import { nodesOf, sourceFile, sourceFiles } from '../support/sources/source-files.js';

const LEVELS = new Set(['log', 'warn', 'error', 'fatal', 'debug', 'verbose']);
interface Line {
  readonly place: string;
  readonly level: string;
  readonly pattern: RegExp;
}

/** What the document explains. */
const explained = rowsOf(textOf('docs/operations.md', 'Log lines'))
  .filter(([level]) => level !== 'level')
  .map(([level = '', line = '', meaning = '']) => ({ level, line: line.replaceAll('`', ''), meaning }));

/** What the sources can write. */
const written = sourceFiles().flatMap(({ name, tree }) =>
  [...nodesOf(tree)]
    .filter((node) => ts.isCallExpression(node))
    .filter(({ expression }) => writes(expression))
    .map((call) => lineOf(call, `${name}:${tree.getLineAndCharacterOfPosition(call.getStart()).line + 1}`)),
);

function writes(expression: ts.Expression): boolean {
  if (!ts.isPropertyAccessExpression(expression) || !LEVELS.has(expression.name.text)) return false;
  return /(^|\.)logger$/i.test(expression.expression.getText());
}

function lineOf({ expression, arguments: [text] }: ts.CallExpression, place: string): Line {
  const level = (expression as ts.PropertyAccessExpression).name.text.toUpperCase();
  return { place, level, pattern: text ? patternOf(text, place) : /^$/ };
}

/** The text with anything where something is put in. */
function patternOf(text: ts.Expression, place: string): RegExp {
  if (!ts.isStringLiteralLike(text) && !ts.isTemplateExpression(text))
    throw new Error(`${place} logs what cannot be read from the source: ${text.getText()}`);
  const parts = ts.isTemplateExpression(text)
    ? [text.head.text, ...text.templateSpans.map(({ literal }) => literal.text)]
    : [text.text];
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*')}$`);
}

const isExplained = ({ level, pattern }: Line) =>
  explained.some((row) => row.level === level && pattern.test(row.line));

describe('the log lines of docs/operations.md', () => {
  it('are found, as those of the sources are', () => {
    expect(written.length).toBeGreaterThan(20);
    expect(explained.length).toBeGreaterThan(20);
    expect(explained.filter(({ meaning }) => meaning.length < 20)).toEqual([]);
  });

  it.each(written.map((line) => [line.place, line] as const))('have the one of %s', (_, line) => {
    expect(line.pattern.source.replaceAll('.*', '').length).toBeGreaterThan(20); // or it would match any
    expect(isExplained(line)).toBe(true);
  });

  it.each(explained.map(({ level, line }) => [line, level] as const))('are written: %s', (line, level) => {
    expect(written.filter((one) => one.level === level && one.pattern.test(line))).not.toEqual([]);
  });

  it('would lack one that is new', () => {
    expect(isExplained({ place: '', level: 'WARN', pattern: /^The moon is .* today\.$/ })).toBe(false);
    expect(isExplained({ place: '', level: 'LOG', pattern: /^Rescued .* lease\.$/ })).toBe(false);
  });

  it('name every setting that is not durable', () => {
    const problems = ['mysql', 'postgres', 'sqlite'].map(
      (name) => sourceFile(`database/dialect/${name}.dialect.ts`).text,
    );
    const settings = ['fsync', 'synchronous_commit', 'innodb_flush_log_at_trx_commit', 'synchronous'];
    const row = explained.find(({ line }) => line.startsWith('An acknowledged delivery could be lost'));
    for (const setting of settings) {
      expect(problems.join('\n')).toContain(setting);
      expect(row?.meaning).toContain(setting);
    }
  });
});

describe('the errors of docs/operations.md', () => {
  it('are those of the sources', () => {
    const { tree } = sourceFile('cr3dentials-webhook.error.ts');
    const codes = [...nodesOf(tree)]
      .filter((node) => ts.isLiteralTypeNode(node))
      .map((node) => node.getText().replaceAll("'", ''));
    const rows = rowsOf(textOf('docs/operations.md', 'Errors')).map(([code = '']) => code.replaceAll('`', ''));
    expect(rows.slice(1).toSorted()).toEqual(codes.toSorted());
  });
});

describe('the rejections of docs/operations.md', () => {
  it('have every reason there is', () => {
    const { tree } = sourceFile('inbox/rejection.entity.ts');
    const [reasons] = [...nodesOf(tree)]
      .filter((node) => ts.isTypeAliasDeclaration(node))
      .filter(({ name }) => name.text === 'RejectionReason')
      .map(({ type }) => type.getText().replaceAll(/[\s']/g, '').split('|'));
    for (const document of ['docs/operations.md', 'docs/lifecycle.md']) {
      const rows = rowsOf(textOf(document, 'Rejections')).map(([reason = '']) => reason.replaceAll('`', ''));
      expect(rows.slice(1).toSorted()).toEqual(reasons?.toSorted());
    }
  });
});
