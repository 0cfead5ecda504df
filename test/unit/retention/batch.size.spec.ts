import { describe, expect, it } from '@jest/globals';
import { BatchSize } from '../../../src/retention/batch.size.js';

function after(...times: number[]): number {
  const size = new BatchSize(500, 100);
  for (const time of times) size.adapt(time);
  return size.rows;
}

describe('the size of a batch', () => {
  it('is halved by a slow one and doubled by a fast one, and stays otherwise', () => {
    expect(after()).toBe(500);
    expect(after(101)).toBe(250);
    expect(after(100)).toBe(500);
    expect(after(34)).toBe(500);
    expect(after(33)).toBe(1_000);
    expect(after(101, 1)).toBe(500);
  });

  it('stays within its limits', () => {
    expect(after(...Array.from({ length: 20 }, () => 1_000))).toBe(20);
    expect(after(...Array.from({ length: 20 }, () => 1))).toBe(2_000);
  });
});
