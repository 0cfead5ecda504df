import type { Preferences } from '../app/preferences.type.js';
import { words } from '../words/index.js';

type Zone = Preferences['zone'];

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function partsOf(at: number, zone: Zone): Record<string, string> {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...(zone === 'utc' && { timeZone: 'UTC' }),
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
}

/** Returns a time of day such as `14:03:11`. */
export function timeOfDay(at: number, zone: Zone): string {
  const { hour, minute, second } = partsOf(at, zone);
  return `${hour}:${minute}:${second}`;
}

/** Returns a time such as `2026-03-24 14:03:11`. */
export function dateAndTime(at: number, zone: Zone): string {
  const { year, month, day } = partsOf(at, zone);
  return `${year}-${month}-${day} ${timeOfDay(at, zone)}`;
}

export function zoneName(zone: Zone): string {
  return zone === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Returns a length of time in one unit or two, such as `3 min` or `2 h 5 min`. */
export function duration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1).replace(/\.0$/, '')} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return withRest(ms, MINUTE, 'min', SECOND, 's', 10);
  if (ms < 2 * DAY) return withRest(ms, HOUR, 'h', MINUTE, 'min', 10);
  return withRest(ms, DAY, 'd', HOUR, 'h', 10);
}

/** The smaller unit is told only while the larger one is small. */
function withRest(ms: number, unit: number, name: string, smaller: number, smallerName: string, until: number): string {
  const whole = Math.floor(ms / unit);
  const rest = Math.floor((ms % unit) / smaller);
  return rest > 0 && whole < until ? `${whole} ${name} ${rest} ${smallerName}` : `${whole} ${name}`;
}

/** Returns a time as people say it: `4 s ago`, `in 3 min`. */
export function relative(at: number, now: number): string {
  const age = now - at;
  if (Math.abs(age) < SECOND) return words.time.now;
  // A text that changes every second is restless, so it is told in minutes from one on.
  const unit = Math.abs(age) < MINUTE ? SECOND : MINUTE;
  const whole = Math.floor(Math.abs(age) / unit) * unit;
  return age > 0 ? words.time.ago(duration(whole)) : words.time.ahead(duration(whole));
}

/** Reads the value of an `<input type="datetime-local">` in the chosen zone. */
export function fromField(value: string, zone: Zone): number | null {
  const at = value === '' ? Number.NaN : Date.parse(zone === 'utc' ? `${value}Z` : value);
  return Number.isNaN(at) ? null : at;
}

/** Returns a time as such a field has it. */
export function toField(at: number | null, zone: Zone): string {
  return at === null ? '' : dateAndTime(at, zone).replace(' ', 'T');
}
