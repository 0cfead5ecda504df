import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Cancellation } from '../../../../src/concurrency/cancellation.js';
import { HandlerLimiter, type Permit } from '../../../../src/processing/dispatch/handler.limiter.js';
import type { HandlerSettings } from '../../../../src/processing/handlers/handler.options.js';

const START = 1_000_000;

beforeEach(() => {
  jest.useFakeTimers({ now: START });
});
afterEach(() => {
  jest.useRealTimers();
});

function limiterOf(limits: Partial<HandlerSettings>): HandlerLimiter {
  return new HandlerLimiter({ concurrency: undefined, rateLimit: undefined, ...limits }, { now: () => Date.now() });
}

/** Has a run begin and end. */
function ran(limiter: HandlerLimiter, milliseconds: number, times = 1): void {
  for (let n = 0; n < times; n++) {
    const permit = entered(limiter);
    jest.advanceTimersByTime(milliseconds);
    limiter.leave(permit);
  }
}

function entered(limiter: HandlerLimiter): Permit {
  const permit = limiter.enter();
  if (!permit) throw new Error('The line gives no turn.');
  return permit;
}

const turns = (limiter: HandlerLimiter, count: number) =>
  Array.from({ length: count }, () => limiter.enter() !== undefined);

/** Notes the names of waiting runs in the order in which they get their turns. */
function waiting(limiter: HandlerLimiter, ...names: string[]) {
  const served: string[] = [];
  const given: (Permit | undefined)[] = [];
  const cancellations = names.map((name) => {
    const cancellation = new Cancellation();
    const note = async (): Promise<void> => {
      const permit = await limiter.wait(cancellation);
      served.push(permit ? name : `not ${name}`);
      given.push(permit);
    };
    void note();
    return cancellation;
  });
  return { served, given, cancellations };
}

describe('the line of a handler with a concurrency', () => {
  it('gives a permit to each run that comes, up to the limit', () => {
    const limiter = limiterOf({ concurrency: 2 });
    const permit = entered(limiter);
    expect(turns(limiter, 2)).toEqual([true, false]);
    limiter.leave(permit);
    expect(turns(limiter, 2)).toEqual([true, false]);
  });

  it('serves those that wait in their order, and before any that comes later', async () => {
    const limiter = limiterOf({ concurrency: 1 });
    const permit = entered(limiter);
    const { served, given } = waiting(limiter, 'first', 'second');
    limiter.leave(permit);
    expect(limiter.enter()).toBeUndefined();
    await jest.advanceTimersByTimeAsync(0);
    expect(served).toEqual(['first']);
    limiter.leave(given[0] as Permit);
    await jest.advanceTimersByTimeAsync(0);
    expect(served).toEqual(['first', 'second']);
    expect(limiter.length).toBe(0);
  });

  it('gives no permit to a run that was cancelled', async () => {
    const limiter = limiterOf({ concurrency: 1 });
    const permit = entered(limiter);
    const { served, cancellations } = waiting(limiter, 'first', 'second');
    cancellations[0]?.cancel(new Error('lost'));
    limiter.leave(permit);
    cancellations[1]?.cancel(new Error('too late'));
    await jest.advanceTimersByTimeAsync(0);
    expect(served).toEqual(['not first', 'second']);
    expect(limiter.enter()).toBeUndefined();
  });

  it('spaces postponed runs by the expected duration', () => {
    const limiter = limiterOf({ concurrency: 2 });
    ran(limiter, 4_000, 40); // the mean duration comes close to it
    const delays = [limiter.postpone(), limiter.postpone(), limiter.postpone()];
    const expected = [2_000, 4_000, 6_000];
    for (const [n, delay] of delays.entries()) expect(Math.abs(delay - (expected[n] ?? NaN))).toBeLessThan(20);
    expect(limiter.hasPromised).toBe(true);
    jest.advanceTimersByTime(6_100);
    expect(limiter.hasPromised).toBe(false);
  });

  it('expects of runs that none is shorter than one which goes on', () => {
    const limiter = limiterOf({ concurrency: 1 });
    entered(limiter);
    expect(limiter.postpone()).toBe(100);
    jest.advanceTimersByTime(7_000);
    expect(limiter.postpone()).toBe(7_000);
  });

  it('has no run come back later than after a minute, and then at most a hundred a second', () => {
    const limiter = limiterOf({ concurrency: 1 });
    ran(limiter, 50_000, 40);
    const delays = Array.from({ length: 1_000 }, () => limiter.postpone());
    expect(delays[0]).toBeLessThan(60_000);
    expect(delays.slice(1).every((delay) => delay >= 60_000 && delay <= 70_000)).toBe(true);
    expect(new Set(delays).size).toBe(1_000);
  });
});

describe('the line of a handler with a rate', () => {
  const rateLimit = { max: 2, per: 1_000 };

  it('serves those that wait when their time has come', async () => {
    const limiter = limiterOf({ rateLimit });
    expect(turns(limiter, 3)).toEqual([true, true, false]);
    const { served } = waiting(limiter, 'third', 'fourth', 'fifth');
    await jest.advanceTimersByTimeAsync(999);
    expect(served).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(served).toEqual(['third', 'fourth']);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(served).toEqual(['third', 'fourth', 'fifth']);
  });

  it('spreads those that do not wait over the time that they need', () => {
    const limiter = limiterOf({ rateLimit });
    limiter.enter();
    limiter.enter();
    expect([limiter.postpone(), limiter.postpone(), limiter.postpone(), limiter.postpone()]).toEqual([
      1_000, 1_500, 2_000, 2_500,
    ]);
  });

  it('leaves no timer behind when nobody waits any more', () => {
    const limiter = limiterOf({ rateLimit: { max: 1, per: 3_600_000 } });
    limiter.enter();
    const { cancellations } = waiting(limiter, 'waits for an hour');
    expect(jest.getTimerCount()).toBe(1);
    cancellations[0]?.cancel(new Error('The app is shutting down.'));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('holds with a concurrency too', async () => {
    const limiter = limiterOf({ concurrency: 1, rateLimit });
    const permit = entered(limiter);
    expect(limiter.enter()).toBeUndefined();
    const { served, given } = waiting(limiter, 'second', 'third');
    limiter.leave(permit);
    await jest.advanceTimersByTimeAsync(0);
    expect(served).toEqual(['second']);
    limiter.leave(given[0] as Permit);
    await jest.advanceTimersByTimeAsync(999);
    expect(served).toEqual(['second']);
    await jest.advanceTimersByTimeAsync(1);
    expect(served).toEqual(['second', 'third']);
  });
});
