import { describe, expect, it } from '@jest/globals';
import { join, raw, sql } from '../../../src/database/sql.js';

const dollar = (n: number) => `$${n}`;
const questionMark = () => '?';

describe('a statement', () => {
  it('binds its values and writes none into its text', () => {
    const statement = sql`SELECT a FROM t WHERE b = ${"x'; DROP TABLE t"} AND c = ${2}`;
    expect(statement.render(dollar)).toEqual({
      text: 'SELECT a FROM t WHERE b = $1 AND c = $2',
      parameters: ["x'; DROP TABLE t", 2],
    });
    expect(statement.render(questionMark)).toEqual({
      text: 'SELECT a FROM t WHERE b = ? AND c = ?',
      parameters: ["x'; DROP TABLE t", 2],
    });
  });

  it('is what it is without values', () => {
    expect(sql`SELECT 1`.render(dollar)).toEqual({ text: 'SELECT 1', parameters: [] });
  });

  it('counts on through the statements within it', () => {
    const inner = sql`b IN (${join([2, 3])}) AND c = ${4}`;
    const statement = sql`UPDATE ${raw('"t"')} SET a = ${1} WHERE ${inner} AND d = ${5}`;
    expect(statement.render(dollar)).toEqual({
      text: 'UPDATE "t" SET a = $1 WHERE b IN ($2, $3) AND c = $4 AND d = $5',
      parameters: [1, 2, 3, 4, 5],
    });
  });

  it('can hold the same part twice', () => {
    const part = sql`now > ${7}`;
    expect(sql`${part} OR ${part}`.render(dollar)).toEqual({ text: 'now > $1 OR now > $2', parameters: [7, 7] });
  });

  it('renders alike however often', () => {
    const statement = sql`SELECT ${1}, ${join(['a'])}`;
    expect(statement.render(dollar)).toEqual(statement.render(dollar));
  });

  it.each([[null], [undefined], [''], [0], [false], [new Date(0)], [{ toString: () => 'x' }]])(
    'binds what is no text as it is: %p',
    (value) => {
      const { text, parameters } = sql`SELECT ${value}`.render(dollar);
      expect(text).toBe('SELECT $1');
      expect(parameters).toHaveLength(1);
      expect(parameters[0]).toBe(value);
    },
  );

  it('takes back slashes and dollars for what they are', () => {
    expect(sql`SELECT '\\n' AS "$1", ${1}`.render(dollar).text).toBe(String.raw`SELECT '\n' AS "$1", $1`);
  });
});

describe('a list', () => {
  it.each([
    [[1], '($1)'],
    [[1, 'b', null], '($1, $2, $3)'],
  ])('separates its values with commas: %j', (values, text) => {
    expect(sql`(${join(values)})`.render(dollar)).toEqual({ text, parameters: values });
  });

  it('is nothing when it is empty', () => {
    expect(join([]).render(dollar)).toEqual({ text: '', parameters: [] });
  });

  it('may consist of statements', () => {
    const rows = [1, 2].map((n) => sql`(${join([n, null])})`);
    expect(sql`VALUES ${join(rows)}`.render(dollar)).toEqual({
      text: 'VALUES ($1, $2), ($3, $4)',
      parameters: [1, null, 2, null],
    });
  });
});
