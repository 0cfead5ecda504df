import { describe, expect, it } from '@jest/globals';
import { retentionCheck, retentionSettings, type RetentionOptions } from '../../../src/retention/retention.options.js';

const HOUR = 3_600_000;

/** The message of the error, or nothing. */
function complaint(given: unknown): string | undefined {
  try {
    retentionCheck(given, 'retention');
    retentionSettings(given as RetentionOptions);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the options of retention', () => {
  it('are times in hours, days and years, or milliseconds', () => {
    expect(
      retentionSettings({ payload: '12h', deliveries: '1y', rejections: 5, undecided: '30d', interval: 7 }),
    ).toEqual({
      payload: 12 * HOUR,
      deliveries: 365 * 24 * HOUR,
      rejections: 5,
      undecided: 30 * 24 * HOUR,
      interval: 7,
    });
  });

  it('remove nothing when they are left out', () => {
    const { interval, ...periods } = retentionSettings();
    expect(Object.values(periods).filter((period) => period !== undefined)).toEqual([]);
    expect(interval).toBe(300_000);
  });

  it.each(['0d', '-1d', '1.5d', '1m', 'd', '', 0, -1, 1.5, NaN, null, {}, true])(
    'are refused when they are no time: %p',
    (payload) => {
      expect(complaint({ payload })).toMatch(
        /^Option "retention.payload" must be milliseconds, or a time such as "12h", "30d" or "1y", not /,
      );
    },
  );

  it('keep rows for 7 days at least, and not shorter than contents', () => {
    expect(complaint({ deliveries: '7d' })).toBeUndefined();
    expect(complaint({ deliveries: '167h' })).toMatch(/shorter than 7 days/);
    expect(complaint({ payload: '30d', deliveries: '30d' })).toBeUndefined();
    expect(complaint({ payload: '31d', deliveries: '30d' })).toMatch(/longer than "retention.deliveries"/);
    expect(complaint({ rows: '31d' })).toMatch(/^Unknown option "retention.rows"/);
  });
});
