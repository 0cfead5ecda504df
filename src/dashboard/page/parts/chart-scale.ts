import type { Preferences } from '../app/preferences.type.js';
import { dateAndTime, timeOfDay } from '../time/format.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Lengths of time that people count in, in milliseconds. */
const DURATIONS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  20_000,
  30_000,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
];

const TIMES = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 7_200, 14_400].map((minutes) => minutes * MINUTE);

/** Most lines across a chart, beside that of 0. */
const MOST_LINES = 4;

function stepOfCounts(highest: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest / MOST_LINES, 1)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => highest / step <= MOST_LINES) ?? 10 * power;
}

function stepOfDurations(highest: number): number {
  return DURATIONS.find((step) => highest / step <= MOST_LINES) ?? Math.ceil(highest / MOST_LINES / DAY) * DAY;
}

/** Returns the values at which lines are drawn, from 0; the last one is above the highest value. */
export function valueTicks(highest: number, isDuration: boolean): number[] {
  const step = isDuration ? stepOfDurations(highest) : stepOfCounts(highest);
  const count = Math.max(1, Math.ceil(highest / step));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

export interface TimeTick {
  readonly at: number;
  readonly label: string;
}

/** Returns round times of the chosen zone between two times, at most so many. */
export function timeTicks(from: number, to: number, most: number, zone: Preferences['zone']): TimeTick[] {
  const step = TIMES.find((length) => (to - from) / length <= most) ?? 30 * DAY;
  const offset = zone === 'utc' ? 0 : -new Date(from).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((from + offset) / step) * step - offset;
  const ticks: TimeTick[] = [];
  for (let at = first; at < to; at += step) {
    ticks.push({ at, label: step < DAY ? timeOfDay(at, zone).slice(0, 5) : dateAndTime(at, zone).slice(5, 10) });
  }
  return ticks;
}
