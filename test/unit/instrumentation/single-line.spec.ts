import { describe, expect, it } from '@jest/globals';
import { toSingleLine } from '../../../src/instrumentation/single-line.js';

/** As `util.inspect` would print it, with the whole payload. */
class QueryFailed extends Error {
  override readonly name = 'QueryFailedError';
  readonly parameters = ['John Doe'];
}

describe('an error in one line', () => {
  it('is its name and message, without its stack and what hangs on it', () => {
    expect(toSingleLine(new QueryFailed('syntax error', { cause: new Error('John Doe') }))).toBe(
      'QueryFailedError: syntax error',
    );
  });

  it.each([
    ['line feeds', 'a\nb', 'a b'],
    ['Windows line ends', 'a\r\nb', 'a b'],
    ['tabs, vertical too', 'a\t\u000Bb', 'a b'],
    ['terminal control', 'a\u001B[2Jb', 'a [2Jb'],
    ['NUL, which PostgreSQL refuses', 'a\0b', 'a b'],
    ['next line', 'a\u0085b', 'a b'],
    ['line and paragraph separators', 'a\u2028\u2029b', 'a b'],
    ['lone surrogates', 'a\uD800b\uDC00c', 'a b c'],
  ])('holds no %s', (_, text, line) => {
    expect(toSingleLine(text)).toBe(line);
    expect(toSingleLine(new Error(text))).toBe(`Error: ${line}`.trim());
  });

  it('has no space around it', () => {
    expect(toSingleLine(' \n a \n ')).toBe('a');
  });

  it('keeps every other character', () => {
    expect(toSingleLine('Ünïcödé \u{1F511} «x» \\n')).toBe('Ünïcödé \u{1F511} «x» \\n');
  });

  it('ends after 500 characters', () => {
    expect(toSingleLine('x'.repeat(500))).toBe('x'.repeat(500));
    expect(toSingleLine('x'.repeat(501))).toBe(`${'x'.repeat(500)}…`);
  });

  it('is well formed where it ends within a character', () => {
    expect(toSingleLine(`${'x'.repeat(499)}\u{1F511}`)).toBe(`${'x'.repeat(499)}\uFFFD…`);
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    [Symbol('x'), 'Symbol(x)'],
    [{ toString: () => 'a\nb' }, 'a b'],
  ])('is made of whatever was thrown: %p', (value, line) => {
    expect(toSingleLine(value)).toBe(line);
  });

  it.each([
    ['has no prototype', Object.create(null)],
    ['cannot say what it is', { toString: () => fail() }],
    ['is an error that cannot say what it is', Object.defineProperty(new Error(), 'message', { get: fail })],
  ])('is made even of what %s', (_, value) => {
    expect(typeof toSingleLine(value)).toBe('string');
  });
});

function fail(): never {
  throw new Error('thrown by what was thrown');
}
