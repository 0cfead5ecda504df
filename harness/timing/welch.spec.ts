import { describe, expect, it } from '@jest/globals';
import { compare, isToldApart } from './welch.js';

/** Deterministic, about as uneven as measurements are: a third of them are late, one in twenty very. */
function measurements(mean: number, phase: number): number[] {
  return Array.from({ length: 20_000 }, (_, index) => {
    const step = (index * 7_919 + phase) % 1_000;
    return mean + step / 20 + (step % 3 === 0 ? 10 : 0) + (step % 20 === 0 ? 5_000 : 0);
  });
}

describe('two classes of measurements', () => {
  it('are not told apart where they are alike', () => {
    const found = compare(measurements(1_000, 0), measurements(1_000, 501));
    expect(Math.abs(found.t)).toBeLessThan(1);
    expect(isToldApart(found)).toBe(false);
  });

  it.each([2, -2])('are told apart by %d parts in a thousand, whichever is the slower', (more) => {
    const found = compare(measurements(1_000 + more, 0), measurements(1_000, 501));
    expect(Math.sign(found.t)).toBe(Math.sign(more));
    expect(isToldApart(found)).toBe(true);
  });

  it('have their medians told', () => {
    expect(compare([1, 2, 300], [4, 5, 600])).toMatchObject({ median: 2, reference: 5 });
  });

  it('have Welch’s t, as worked out by hand', () => {
    // Means 2 and 5, both of variance 4/5 among six; the 90 is cut.
    expect(compare([1, 2, 3, 1, 2, 3], [4, 5, 6, 4, 5, 6, 90]).t).toBeCloseTo(-3 / Math.sqrt(1.6 / 6), 10);
  });

  it('are not different where every measurement is the same', () => {
    expect(compare([5, 5, 5], [5, 5, 5]).t).toBe(0);
  });
});
