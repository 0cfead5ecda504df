import { describe, expect, it } from '@jest/globals';
import { searchOf, shapeOfError } from '../../../src/operations/error.shape.js';

describe('the shape of an error', () => {
  it.each([
    ['Error: Timed out after 1500 ms.', 'Error: Timed out after # ms.'],
    ['Error: account "4711" is closed', 'Error: account … is closed'],
    ['Error: no 0198c1f0-7a3b-7c11-9a55-0123456789ab here', 'Error: no <id> here'],
    ['Error: block 00deadbeef12345 is bad', 'Error: block <id> is bad'],
    ['Error: the facade is effaced', 'Error: the facade is effaced'],
    ['connect ECONNREFUSED 10.0.0.7:5432', 'connect ECONNREFUSED #'],
    ['', ''],
  ])('of %j is %j', (error, shape) => {
    expect(shapeOfError(error)).toBe(shape);
  });

  it.each([
    ['Error: Timed out after 1500 ms.', 'Error: Timed out after'],
    ['"a" 12 "b"', null],
    ['Error: account "4711" is closed for ever', 'is closed for ever'],
    [`Error: ${'long '.repeat(30)}`, `Error: ${'long '.repeat(30)}`.slice(0, 100).trim()],
    [`${'x'.repeat(99)}\u{1F511} and more`, 'x'.repeat(99)],
  ])('finds %j by %j', (error, search) => {
    expect(searchOf(error)).toBe(search);
    expect(error).toContain(search ?? '');
  });
});
