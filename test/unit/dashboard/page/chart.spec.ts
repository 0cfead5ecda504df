import { describe, expect, it } from '@jest/globals';
import { assert, boolean, double, property } from 'fast-check';
import { areaPath, layoutOf, linePath, sums } from '../../../../src/dashboard/page/parts/chart-paths.js';
import { timeTicks, valueTicks } from '../../../../src/dashboard/page/parts/chart-scale.js';

const MINUTE = 60_000;

describe('the lines across a chart', () => {
  it('are few, begin at 0, and the last is not below the highest value', () => {
    assert(
      property(double({ min: 0, max: 1e12, noNaN: true }), boolean(), (highest, isDuration) => {
        const ticks = valueTicks(highest, isDuration);
        expect(ticks[0]).toBe(0);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(highest);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(6);
      }),
    );
  });

  it('are round in the unit that is shown', () => {
    expect(valueTicks(480, false)).toEqual([0, 200, 400, 600]);
    expect(valueTicks(190_000, true)).toEqual([0, MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE]);
  });
});

describe('the times below a chart', () => {
  it('are round times, and no more than fit', () => {
    const from = Date.UTC(2026, 2, 24, 13, 7);
    const ticks = timeTicks(from, from + 60 * MINUTE, 5, 'utc');
    expect(ticks.map(({ label }) => label)).toEqual(['13:15', '13:30', '13:45', '14:00']);
  });

  it('are days over days', () => {
    const from = Date.UTC(2026, 1, 24, 13);
    expect(timeTicks(from, from + 10 * 1_440 * MINUTE, 5, 'utc')[0]?.label).toMatch(/^0[23]-\d\d$/);
  });
});

describe('the shapes of a chart', () => {
  const chart = {
    title: 'Outcomes',
    at: [0, MINUTE, 2 * MINUTE],
    series: [
      { label: 'completed', colour: 'completed', values: [4, 0, 2] },
      { label: 'dead', colour: 'dead', values: [0, null, 2] },
    ],
    isStacked: true,
    format: String,
  };

  it('stack each series upon those below', () => {
    expect(sums(chart.series)).toEqual([
      [4, 0, 2],
      [4, 0, 4],
    ]);
  });

  it('keep within the chart', () => {
    const layout = layoutOf(chart, 300);
    const path = areaPath(layout, chart.at, [4, 0, 4], [0, 0, 0]);
    const points = [...path.matchAll(/([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    expect(points).toHaveLength(12);
    for (const [x = 0, y = 0] of points) {
      expect(x).toBeGreaterThanOrEqual(layout.left);
      expect(x).toBeLessThanOrEqual(layout.right);
      expect(y).toBeGreaterThanOrEqual(layout.top);
      expect(y).toBeLessThanOrEqual(layout.bottom);
    }
  });

  it('break a line where there is no value', () => {
    const path = linePath(layoutOf({ ...chart, isStacked: false }, 300), chart.at, [1, null, 2]);
    expect(path.match(/M/g)).toHaveLength(2);
    expect(path).not.toContain('L');
  });

  it('are nothing for no points', () => {
    const nothing = { ...chart, at: [], series: chart.series.map((one) => ({ ...one, values: [] })) };
    expect(areaPath(layoutOf(nothing, 300), [], [], [])).toBe('');
  });
});
