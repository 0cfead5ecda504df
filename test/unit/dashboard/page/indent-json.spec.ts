import { describe, expect, it } from '@jest/globals';
import { indentJson } from '../../../../src/dashboard/page/parts/indent-json.js';

describe('indentJson', () => {
  it.each(['{}', '[]', '{"a":[],"b":{}}', '{"a":[1,2,{"b":null}],"c":"x,y:{}\\"[]"}', '[[[]]]'])(
    'breaks %s as JSON.stringify does',
    (text) => {
      expect(indentJson(text)).toBe(JSON.stringify(JSON.parse(text), null, 2));
    },
  );

  it('keeps numbers as they are written, and keys that are there twice', () => {
    expect(indentJson('{"a":90071992547409931234,"a":1.0,"b":1e400}')).toBe(
      '{\n  "a": 90071992547409931234,\n  "a": 1.0,\n  "b": 1e400\n}',
    );
  });

  it.each(['', 'no JSON', '"text"', '<a>'])('leaves %j alone', (text) => {
    expect(indentJson(text)).toBe(text);
  });
});
