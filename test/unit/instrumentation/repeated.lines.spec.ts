import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { throttleKeyOf, RepeatedLines } from '../../../src/instrumentation/repeated.lines.js';

const INTERVAL_MS = 60_000;

let lines: RepeatedLines;
let written: string[];

beforeEach(() => {
  jest.useFakeTimers();
  lines = new RepeatedLines(INTERVAL_MS);
  written = [];
});

afterEach(() => {
  lines.flush();
  jest.useRealTimers();
});

function happen(cause: string, name = cause, group = 'group'): void {
  lines.pass(
    group,
    cause,
    () => written.push(name),
    (count) => written.push(`${count} more, the last ${name}`),
  );
}

describe('lines of one cause', () => {
  it('are written at once the first time, and then once for all that followed', () => {
    for (const name of ['a', 'b', 'c']) happen('cause', name);
    expect(written).toEqual(['a']);
    jest.advanceTimersByTime(INTERVAL_MS);
    expect(written).toEqual(['a', '2 more, the last c']);
  });

  it('go on once an interval, as long as there are any', () => {
    happen('cause', 'a');
    for (const name of ['b', 'c']) {
      happen('cause', name);
      jest.advanceTimersByTime(INTERVAL_MS);
    }
    expect(written).toEqual(['a', '1 more, the last b', '1 more, the last c']);
  });

  it('are written at once again after an interval without any', () => {
    happen('cause', 'a');
    jest.advanceTimersByTime(INTERVAL_MS);
    happen('cause', 'b');
    expect(written).toEqual(['a', 'b']);
  });

  it('do not hold back those of another cause', () => {
    happen('one');
    happen('two');
    expect(written).toEqual(['one', 'two']);
  });

  it('are not lost at the end', () => {
    happen('cause', 'a');
    happen('cause', 'b');
    lines.flush();
    expect(written).toEqual(['a', '1 more, the last b']);
    jest.advanceTimersByTime(INTERVAL_MS);
    expect(written).toHaveLength(2);
  });
});

describe('causes that are all different', () => {
  it('share a line once there are a hundred', () => {
    for (let n = 0; n < 1_000; n++) happen(`cause ${n}`);
    expect(written).toHaveLength(101);
    jest.advanceTimersByTime(INTERVAL_MS);
    expect(written.slice(101)).toEqual(['899 more, the last cause 999']);
  });

  it('hold back none of another group', () => {
    for (let n = 0; n < 1_000; n++) happen(`cause ${n}`);
    happen('cause', 'of another', 'another');
    expect(written.at(-1)).toBe('of another');
    happen('cause 7', 'last of another', 'another');
    lines.flush();
    expect(written.slice(-2)).toEqual(['899 more, the last cause 999', '1 more, the last last of another']);
  });

  it('are forgotten after an interval', () => {
    for (let n = 0; n < 1_000; n++) happen(`cause ${n}`);
    jest.advanceTimersByTime(2 * INTERVAL_MS);
    happen('new');
    expect(written.at(-1)).toBe('new');
  });
});

describe('the cause of an error', () => {
  it.each([
    ['Error: Account 4711 is closed.', 'Error: Account 5 is closed.'],
    ['Error: No row 0198c1f0-7a3b-7c11-9a55-000000000000.', 'Error: No row ffffffff-7a3b-7c11-9a55-00000000000a.'],
    ['QueryFailedError: Key "x y" exists', 'QueryFailedError: Key "z" exists'],
    ["TypeError: 'a' is no function", "TypeError: 'b' is no function"],
  ])('is the same for %j and %j', (one, other) => {
    expect(throttleKeyOf(one)).toBe(throttleKeyOf(other));
  });

  it.each([
    ['Error: The ledger is closed.', 'Error: The account is closed.'],
    ['Error: added', 'Error: faded'], // words that look like hexadecimal numbers
  ])('differs for %j and %j', (one, other) => {
    expect(throttleKeyOf(one)).not.toBe(throttleKeyOf(other));
  });
});
