import type { ChartData } from './chart-data.js';
import { valueTicks } from './chart-scale.js';

/** Where values and times are on a chart, in pixels. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  x(at: number): number;
  y(value: number): number;
}

type Values = readonly (number | null)[];

/** Adds each series to those below it. */
export function sums(series: readonly { readonly values: Values }[]): number[][] {
  const rows: number[][] = [];
  for (const { values } of series) {
    const below = rows.at(-1);
    rows.push(values.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)));
  }
  return rows;
}

function highestOf({ series, isStacked }: ChartData): number {
  const rows: readonly Values[] = isStacked ? sums(series).slice(-1) : series.map(({ values }) => values);
  return Math.max(0, ...rows.flatMap((values) => values.map((value) => value ?? 0)));
}

const HEIGHT = 180;
const PIXELS_OF_A_CHARACTER = 7;

export function layoutOf(chart: ChartData, width: number): Layout {
  const { at, format, isStacked } = chart;
  const from = at[0] ?? 0;
  const step = (at[1] ?? from + 1) - from;
  const to = (at.at(-1) ?? from) + step;
  const ticks = valueTicks(highestOf(chart), !isStacked);
  const longest = Math.max(...ticks.map((tick) => format(tick).length));
  const [left, right, top, bottom] = [longest * PIXELS_OF_A_CHARACTER + 12, width - 4, 18, HEIGHT - 24];
  const most = ticks.at(-1) ?? 1;
  return {
    width,
    height: HEIGHT,
    left,
    right,
    top,
    bottom,
    from,
    to,
    ticks,
    x: (time) => round(left + ((time - from) / (to - from)) * (right - left)),
    y: (value) => round(bottom - (value / most) * (bottom - top)),
  };
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

/** A stair from each point to the next. */
function stair({ x, y, to }: Layout, at: readonly number[], values: readonly number[]): [number, number][] {
  return values.flatMap((value, index): [number, number][] => [
    [x(at[index] ?? to), y(value)],
    [x(at[index + 1] ?? to), y(value)],
  ]);
}

/** Returns the area between two sums. */
export function areaPath(
  layout: Layout,
  at: readonly number[],
  upper: readonly number[],
  lower: readonly number[],
): string {
  const points = [...stair(layout, at, upper), ...stair(layout, at, lower).toReversed()];
  return points.length === 0 ? '' : `M${points.map((point) => point.join(' ')).join('L')}Z`;
}

/** Returns a line through the values; where there is none, it is broken. */
export function linePath({ x, y }: Layout, at: readonly number[], values: Values): string {
  let isBroken = true;
  return values
    .map((value, index) => {
      if (value === null) {
        isBroken = true;
        return '';
      }
      const command = isBroken ? 'M' : 'L';
      isBroken = false;
      return `${command}${x(at[index] ?? 0)} ${y(value)}`;
    })
    .join('');
}
