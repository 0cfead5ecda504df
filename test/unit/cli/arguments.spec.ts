import { describe, expect, it } from '@jest/globals';
import { duration, fraction, positive, secretFrom, wholeFrom } from '../../../src/cli/arguments.js';

describe('an argument', () => {
  it.each([
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['500ms', 500],
    ['500', 500],
    ['2m', 120_000],
    ['24h', 86_400_000],
    ['0', 0],
  ])('%s is a duration', (text, milliseconds) => {
    expect(duration(text)).toBe(milliseconds);
  });

  it.each(['', 's', '30 s', '-1s', '1d', '1e3', 'Infinity', '٣s'])('%j is no duration', (text) => {
    expect(() => duration(text)).toThrow('Write it as 30s, 500ms or 500.');
  });

  it('is a whole number from what it must be at least', () => {
    expect([wholeFrom(0)('0'), wholeFrom(1)('10000')]).toEqual([0, 10_000]);
    for (const text of ['', '-1', '1.5', '1e3', 'ten', '9007199254740993', ' 1'])
      expect(() => wholeFrom(0)(text)).toThrow('It must be a whole number, 0 or more.');
    expect(() => wholeFrom(1)('0')).toThrow('It must be a whole number, 1 or more.');
  });

  it('is a fraction of 1', () => {
    expect(['0', '0.2', '.5', '0.999'].map(fraction)).toEqual([0, 0.2, 0.5, 0.999]);
    for (const text of ['', '1', '-0.1', '20', '20%', '1.2.3', '.'])
      expect(() => fraction(text)).toThrow('It must be a fraction of 1, such as 0.1.');
  });

  it('is a number above 0', () => {
    expect(['100', '0.5'].map(positive)).toEqual([100, 0.5]);
    for (const text of ['', '0', '-1', 'fast', '1/s'])
      expect(() => positive(text)).toThrow('It must be a number above 0.');
  });
});

describe('the secret', () => {
  it('is what the variable holds', () => {
    expect(secretFrom('KEY', { KEY: 'hunter2' })).toBe('hunter2');
    expect(secretFrom(undefined, { KEY: 'hunter2' })).toBeUndefined();
  });

  it.each([{}, { hunter2: '' }])(
    'is not repeated by whoever is told that there is no such variable: %j',
    (environment) => {
      const attempt = () => secretFrom('hunter2', environment);
      expect(attempt).toThrow(
        /^The variable that --secret-env names is not set. Pass the name of an environment variable/,
      );
      expect(attempt).not.toThrow(/hunter2/);
    },
  );
});
