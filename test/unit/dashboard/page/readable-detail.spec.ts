import { describe, expect, it } from '@jest/globals';
import { readableDetail } from '../../../../src/dashboard/page/rejections/readable-detail.js';

describe('readableDetail', () => {
  it('makes sentences of constraints by field', () => {
    expect(readableDetail('{"status":["status must be a string"],"platformId":["a","b"]}')).toBe(
      'status must be a string; a; b',
    );
  });

  it.each([null, 'Another content', '{"idempotencyKey":"0a1b"}', '[]', '7'])('leaves %j as it is', (detail) => {
    expect(readableDetail(detail)).toBe(detail);
  });
});
