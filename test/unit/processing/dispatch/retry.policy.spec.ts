import { describe, expect, it } from '@jest/globals';
import { PermanentError, RetryAfterError, type RetryFunction, type RetryOptions } from 'nestjs-cr3dentials-webhook';
import { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { processingSettings } from '../../../../src/processing/processing.options.js';
import { SeededRandom } from '../../../../src/testing/seeded-random.js';
import { RandomSource, RetryPolicy } from '../../../../src/processing/dispatch/retry.policy.js';

const handler = { id: 'ledger.book' };
const failure = new Error('The ledger is closed.');
const THEN = ['th', 'en'].join('');

/** Says the same chance again and again, and counts how often it was asked. */
class Rigged extends RandomSource {
  asked = 0;

  constructor(private readonly chance: number) {
    super();
  }

  next(): number {
    this.asked++;
    return this.chance;
  }
}

function policy(retry: RetryOptions = {}, random: RandomSource = new Rigged(0.5)) {
  const all = { attempts: 12, initialDelay: 1_000, maxDelay: 3_600_000, factor: 2, jitter: 'none' as const, ...retry };
  return new RetryPolicy({ retry: all }, random, new Instrumentation());
}

function asking(retry: RetryFunction): RetryPolicy {
  return new RetryPolicy({ retry }, new Rigged(0.5), new Instrumentation());
}

/** What is announced of a function that answers the first failure. */
function problemsOf(retry: () => unknown): string[] {
  const instrumentation = new Instrumentation();
  const problems: string[] = [];
  instrumentation.subscribe('retry-policy-failed', ({ problem }) => problems.push(problem));
  new RetryPolicy({ retry: retry as RetryFunction }, new Rigged(0.5), instrumentation).afterFailure(
    handler,
    1,
    failure,
  );
  return problems;
}

function delays(of: RetryPolicy, attempts: number): (number | 'dead')[] {
  return Array.from({ length: attempts }, (_, index) => {
    const retry = of.afterFailure(handler, index + 1, failure);
    return retry === 'dead' ? retry : retry.delay;
  });
}

describe('exponential backoff', () => {
  it('waits longer each time, up to the longest delay', () => {
    expect(delays(policy({ maxDelay: 20_000 }), 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
    expect(delays(policy({ initialDelay: 100, factor: 1.5 }), 4)).toEqual([100, 150, 225, 338]);
    expect(delays(policy({ factor: 1 }), 3)).toEqual([1_000, 1_000, 1_000]);
  });

  it('ends when the attempts are used up', () => {
    expect(delays(policy({ attempts: 3 }), 4)).toEqual([1_000, 2_000, 'dead', 'dead']);
    expect(delays(policy({ attempts: 1 }), 1)).toEqual(['dead']);
  });

  it('uses up an attempt', () => {
    expect(policy().afterFailure(handler, 1, failure)).toEqual({ delay: 1_000, usesAttempt: true });
  });

  it('never waits longer than the longest delay, however large the numbers become', () => {
    expect(policy({ attempts: 100_000 }).afterFailure(handler, 99_999, failure)).toEqual({
      delay: 3_600_000,
      usesAttempt: true,
    });
  });

  it('stays at once where the initial delay is none, however large the numbers become', () => {
    expect(delays(policy({ initialDelay: 0 }), 2)).toEqual([0, 0]);
    expect(policy({ initialDelay: 0, attempts: 100_000 }).afterFailure(handler, 99_999, failure)).toEqual({
      delay: 0,
      usesAttempt: true,
    });
  });
});

describe('full jitter', () => {
  it.each([
    [0, [0, 0, 0]],
    [0.25, [250, 500, 1_000]],
    [0.9999, [1_000, 2_000, 4_000]],
  ])('waits a chance of %d of the delay', (chance, expected) => {
    expect(delays(policy({ jitter: 'full' }, new Rigged(chance)), 3)).toEqual(expected);
  });

  it('applies to the capped delay', () => {
    expect(delays(policy({ jitter: 'full', maxDelay: 1_500 }, new Rigged(0.5)), 3)).toEqual([500, 750, 750]);
  });

  it('is rolled for each delay', () => {
    const chance = new Rigged(0.5);
    delays(policy({ jitter: 'full' }, chance), 3);
    expect(chance.asked).toBe(3);
  });

  it('is not rolled without jitter', () => {
    const chance = new Rigged(0.5);
    delays(policy({ jitter: 'none' }, chance), 3);
    expect(chance.asked).toBe(0);
  });
});

describe('PermanentError and RetryAfterError', () => {
  it('is dead at once when it is permanent, whatever the policy', () => {
    expect(policy().afterFailure(handler, 1, new PermanentError('No such account.'))).toBe('dead');
    expect(asking(() => 5).afterFailure(handler, 1, new PermanentError('No such account.'))).toBe('dead');
  });

  it('comes back when it says, without using up an attempt, even if there is none left', () => {
    const afterward = { delay: 1_234, usesAttempt: false };
    expect(policy({ attempts: 1 }).afterFailure(handler, 1, new RetryAfterError(1_234))).toEqual(afterward);
    expect(asking(() => 'dead').afterFailure(handler, 9, new RetryAfterError(1_234))).toEqual(afterward);
    expect(policy().afterFailure(handler, 1, new RetryAfterError(0))).toEqual({ delay: 0, usesAttempt: false });
  });

  it.each([1_000 / 3, 0.5, 1e300])('comes back in whole milliseconds that a database can hold: %d', (delay) => {
    const retry = policy().afterFailure(handler, 1, new RetryAfterError(delay));
    expect(Number.isSafeInteger(Object(retry).delay)).toBe(true);
  });

  it.each([-1, NaN, Infinity, -Infinity])('cannot be made with a delay of %d', (delay) => {
    expect(() => new RetryAfterError(delay)).toThrow(
      new RangeError('The delay must be a number of milliseconds from 0.'),
    );
  });

  it('is any other when it only resembles one', () => {
    const lookalike = Object.assign(new Error('x'), { name: 'PermanentError', code: 'PERMANENT' });
    expect(policy().afterFailure(handler, 1, lookalike)).toEqual({ delay: 1_000, usesAttempt: true });
  });
});

describe("a host's function", () => {
  it('is asked with the attempt that has just failed and its error', () => {
    const asked: unknown[] = [];
    const retry = asking((...question) => {
      asked.push(question);
      return 70;
    });
    expect(retry.afterFailure(handler, 3, failure)).toEqual({ delay: 70, usesAttempt: true });
    expect(asked).toEqual([[3, failure]]);
  });

  it('may end it', () => {
    expect(
      delays(
        asking((attempt) => (attempt < 3 ? 10 * attempt : 'dead')),
        3,
      ),
    ).toEqual([10, 20, 'dead']);
  });

  it('may have it run again at once', () => {
    expect(asking(() => 0).afterFailure(handler, 1, failure)).toEqual({ delay: 0, usesAttempt: true });
  });

  it('may answer a fraction, which is rounded', () => {
    expect(
      delays(
        asking(() => 0.5),
        1,
      ),
    ).toEqual([1]);
    expect(
      delays(
        asking(() => 1.4),
        1,
      ),
    ).toEqual([1]);
  });

  it.each([NaN, Infinity, -Infinity, -1, '1000', 'DEAD', undefined, null, true, {}, Promise.resolve(1), 7n])(
    'that returns nonsense neither ends a delivery nor runs it in a loop: %p',
    (nonsense) => {
      const retry = asking(() => nonsense as number);
      expect(retry.afterFailure(handler, 1, failure)).toEqual({ delay: 60_000, usesAttempt: true });
    },
  );

  it.each<[unknown, string]>([
    [NaN, 'returned NaN'],
    [-1, 'returned -1'],
    ['1000', 'returned a value of type string'],
    [undefined, 'returned a value of type undefined'],
    [null, 'returned null'],
    [Promise.resolve(1), 'returned a promise'],
    [Promise.reject(new Error('A fault of the host.')), 'returned a promise'],
    [{ [THEN]: () => {} }, 'returned a promise'],
  ])('that returns nonsense is told of without its value: %p', (nonsense, problem) => {
    expect(problemsOf(() => nonsense)).toEqual([problem]);
  });

  it('that throws is told of without its message', () => {
    expect(
      problemsOf(() => {
        throw new TypeError('secret');
      }),
    ).toEqual(['threw TypeError']);
  });

  it('is not reported when it returns a valid value', () => {
    expect(problemsOf(() => 0)).toEqual([]);
    expect(problemsOf(() => 'dead')).toEqual([]);
  });

  it('that returns nonsense is not asked for ever', () => {
    const minutes = delays(
      asking(() => NaN),
      13,
    ).map((delay) => (delay === 'dead' ? delay : delay / 60_000));
    expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 'dead', 'dead']);
  });

  it('that answers more than a year has it run again after a year', () => {
    const year = 365 * 24 * 60 * 60 * 1_000;
    expect(
      delays(
        asking(() => 1e300),
        1,
      ),
    ).toEqual([year]);
    expect(
      delays(
        asking(() => year + 1),
        1,
      ),
    ).toEqual([year]);
    expect(
      delays(
        asking(() => year - 1),
        1,
      ),
    ).toEqual([year - 1]);
  });

  it('that throws neither ends a delivery nor runs it in a loop', () => {
    const retry = asking(() => {
      throw new Error('A fault of the host.');
    });
    expect(retry.afterFailure(handler, 1, failure)).toEqual({ delay: 60_000, usesAttempt: true });
  });
});

describe('a cancelled run', () => {
  it('is retried after the initial delay, which no jitter shortens', () => {
    expect(policy({ initialDelay: 70, jitter: 'full' }, new Rigged(0)).afterInterruption(handler)).toBe(70);
  });

  it("is retried after a second when the policy is a host's function", () => {
    expect(asking(() => 'dead').afterInterruption(handler)).toBe(1_000);
  });
});

const HOUR_MS = 3_600_000;

/** Times from the first failure to the last attempt, of handlers that fail at once, in a host that sets no policy. */
function durationsOfDefault(): number[] {
  const { retry } = processingSettings();
  const unset = new RetryPolicy({ retry }, new SeededRandom('the policy'), new Instrumentation());
  return Array.from({ length: 2_000 }, () => {
    const each = delays(unset, 96);
    expect(each.at(-1)).toBe('dead');
    return each.slice(0, -1).reduce<number>((sum, delay) => sum + Number(delay), 0);
  });
}

describe('the policy of a host that sets none', () => {
  it('outlasts a day, and ends on the fourth', () => {
    const all = durationsOfDefault();
    const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
    expect(Math.min(...all)).toBeGreaterThan(30 * HOUR_MS);
    expect(Math.max(...all)).toBeLessThan(84.2 * HOUR_MS);
    expect(mean / HOUR_MS).toBeCloseTo(42.1, 0);
  });
});
