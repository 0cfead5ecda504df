import { describe, expect, it } from '@jest/globals';
import { addTo, bucketOf, percentileOf, type Buckets } from '../../../src/instance-reports/latency.histogram.js';

function measured(values: readonly number[]): Buckets {
  const buckets: Buckets = {};
  for (const value of values) addTo(buckets as Record<string, number>, { [bucketOf(value)]: 1 });
  return buckets;
}

describe('the histogram of latencies', () => {
  it.each([1, 7, 42, 350, 1_000, 59_000, 3_600_000, 86_400_000, 900_000_000])(
    'tells %d ms with less than a fifth of error',
    (ms) => {
      const told = percentileOf(measured([ms]), 1, 0.5);
      expect(Math.abs(told - ms) / ms).toBeLessThan(0.2);
    },
  );

  it('tells percentiles of many', () => {
    const values = Array.from({ length: 1_000 }, (_, n) => n + 1);
    const buckets = measured(values);
    for (const share of [0.5, 0.95, 0.99])
      expect(Math.abs(percentileOf(buckets, 1_000, share) - share * 1_000)).toBeLessThan(share * 250);
  });

  it('takes what is negative, none or longer than weeks', () => {
    expect([bucketOf(-5), bucketOf(0), bucketOf(Number.MAX_SAFE_INTEGER)]).toEqual([0, 0, 64]);
    expect(percentileOf({}, 0, 0.5)).toBe(0);
  });

  it('has buckets that end where the next one begins', () => {
    let last = 0;
    for (let ms = 1; ms < 1e9; ms = Math.ceil(ms * 1.05)) {
      expect(bucketOf(ms)).toBeGreaterThanOrEqual(last);
      last = bucketOf(ms);
    }
  });
});
