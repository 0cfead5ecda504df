import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { nodesOf, pageFiles } from '../../../support/sources/source-files.js';

const files = pageFiles();
const code = files.filter(({ name }) => /\.tsx?$/.test(name));

function having(pattern: RegExp, among = files): string[] {
  return among.filter(({ text }) => pattern.test(text)).map(({ name }) => name);
}

function kindOf(name: string): ts.ScriptKind {
  return name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
}

/** Texts between tags that somebody reads: a letter is enough. */
function wordsBetweenTags({ name, text }: (typeof files)[number]): string[] {
  const tree = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true, kindOf(name));
  return [...nodesOf(tree)]
    .filter((node) => ts.isJsxText(node) && /\p{L}{2,}/u.test(node.text))
    .map((node) => `${name}: ${node.getText().trim()}`);
}

describe('the source of the page', () => {
  it('is found', () => {
    expect(code.length).toBeGreaterThan(40);
    expect(files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['main.tsx', 'shell.html', 'styles/page.css']),
    );
  });

  it('has no file over 250 lines', () => {
    expect(files.filter(({ text }) => text.trimEnd().split('\n').length > 250).map(({ name }) => name)).toEqual([]);
  });

  it('has no function over half a screen, and no component over a screen', () => {
    const long = code.flatMap(({ name, text }) => {
      const tree = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true, kindOf(name));
      return [...nodesOf(tree)]
        .filter((node) => ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isArrowFunction(node))
        .map((node) => ({ name, lines: node.getText().split('\n').length }));
    });
    expect(long.filter(({ name, lines }) => lines > (name.endsWith('x') ? 60 : 30))).toEqual([]);
    expect(long.some(({ lines }) => lines > 30)).toBe(true);
  });

  it('makes no markup out of texts, and no style that its policy forbids', () => {
    expect(
      having(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\bstyle=|\beval\(|new Function/),
    ).toEqual([]);
  });

  it('names nothing outside its own origin', () => {
    expect(having(/https?:\/\/(?!127\.0\.0\.1:3000\/webhook)|@import url|\burl\(/)).toEqual([]);
  });

  it('logs nothing, and keeps only choices and the token in the browser', () => {
    expect(having(/console\./, code)).toEqual([]);
    expect(having(/(local|session)Storage/, code)).toEqual(['api/token.ts', 'app/preferences.tsx']);
  });

  it('has all its words in one folder', () => {
    expect(code.filter(({ name }) => !name.startsWith('words/')).flatMap(wordsBetweenTags)).toEqual([]);
    expect(wordsBetweenTags({ name: 'a.tsx', text: '<p>Some words</p>' })).toEqual(['a.tsx: Some words']);
  });

  it('knows of the library only the contract of the API', () => {
    const upward = code.flatMap(({ name, text }) =>
      [...text.matchAll(/from '((?:\.\.\/)+)([^']+)'/g)]
        .filter(([, up = '']) => up.length / 3 > name.split('/').length - 1)
        .map(([, , target]) => target),
    );
    expect([...new Set(upward)]).toEqual(['api/contract.js']);
  });
});
