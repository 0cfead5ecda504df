import { describe, expect, it } from '@jest/globals';
import {
  dateAndTime,
  duration,
  fromField,
  relative,
  timeOfDay,
  toField,
} from '../../../../src/dashboard/page/time/format.js';

const AT = Date.UTC(2026, 2, 24, 14, 5, 9);

describe('times', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_240, '1.2 s'],
    [2_000, '2 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [75_000, '1 min 15 s'],
    [20 * 60_000 + 5_000, '20 min'],
    [3_600_000 + 120_000, '1 h 2 min'],
    [26 * 3_600_000, '26 h'],
    [50 * 3_600_000, '2 d 2 h'],
    [-5, '0 ms'],
  ])('%d milliseconds are %s', (milliseconds, text) => {
    expect(duration(milliseconds)).toBe(text);
  });

  it.each([
    [0, 'now'],
    [4_900, '4 s ago'],
    [-4_900, 'in 4 s'],
    [119_000, '1 min ago'],
    [2 * 3_600_000 + 185_000, '2 h 3 min ago'],
  ])('%d milliseconds ago is %s', (age, text) => {
    expect(relative(AT - age, AT)).toBe(text);
  });

  it('are told in UTC on request, with 24 hours', () => {
    expect(dateAndTime(AT, 'utc')).toBe('2026-03-24 14:05:09');
    expect(timeOfDay(Date.UTC(2026, 0, 1), 'utc')).toBe('00:00:00');
  });

  it.each(['utc', 'local'] as const)('come back from a field in the zone %s', (zone) => {
    expect(fromField(toField(AT, zone), zone)).toBe(AT);
    expect(fromField('', zone)).toBeNull();
    expect(fromField('not a time', zone)).toBeNull();
    expect(toField(null, zone)).toBe('');
  });
});
