import { describe, expect, it } from '@jest/globals';
import { RateWindow } from '../../../src/concurrency/rate.window.js';

function begun(window: RateWindow, ...times: number[]): RateWindow {
  for (const time of times) window.begin(time);
  return window;
}

describe('a rate window', () => {
  it('allows as many at once as it says', () => {
    const window = begun(new RateWindow(3, 1_000), 10_000, 10_000);
    expect(window.allowedAt(1, 10_000)).toBe(10_000);
    expect(begun(window, 10_000).allowedAt(1, 10_000)).toBe(11_000);
  });

  it('allows the next one a span after the oldest of the last ones', () => {
    const window = begun(new RateWindow(2, 1_000), 10_000, 10_400);
    expect(window.allowedAt(1, 10_500)).toBe(11_000);
    expect(window.allowedAt(2, 10_500)).toBe(11_400);
    expect(begun(window, 11_000).allowedAt(1, 11_000)).toBe(11_400);
  });

  it('says when those after the next are allowed, a span later for each full round', () => {
    const window = begun(new RateWindow(2, 1_000), 10_000, 10_400);
    expect([3, 4, 5].map((n) => window.allowedAt(n, 10_500))).toEqual([12_000, 12_400, 13_000]);
    expect(new RateWindow(2, 1_000).allowedAt(5, 10_000)).toBe(12_000);
  });

  it('never allows more in any span, whenever they come', () => {
    const window = new RateWindow(3, 100);
    const times: number[] = [];
    for (let now = 0; now < 2_000; now += 7) {
      if (window.allowedAt(1, now) > now) continue;
      window.begin(now);
      times.push(now);
    }
    const inSpan = times.map((from) => times.filter((time) => time >= from && time < from + 100).length);
    expect(Math.max(...inSpan)).toBe(3);
    expect(times.length).toBeGreaterThan(2_000 / 40);
  });

  it('holds nothing up for longer than a span when the clock is set back', () => {
    expect(begun(new RateWindow(1, 1_000), 9_000_000).allowedAt(1, 5_000)).toBe(6_000);
  });
});
