import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import type { BatchFacts, AttemptFacts, Telemetry } from '../../../src/instrumentation/telemetry.js';
import { TelemetryHooks } from '../../../src/instrumentation/telemetry.hooks.js';

const run = { deliveryId: 'a' } as AttemptFacts;
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const OTHER = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-00`;
const event = { sessionId: 'b' };
const store = new AsyncLocalStorage<string>();

const entering = (name: string): Telemetry => ({
  around: (_, handle) => store.run(`${store.getStore() ?? ''}${name}`, handle),
});

function fail(): never {
  throw new TypeError('telemetry');
}

describe('the hooks of telemetry', () => {
  let failures: unknown[];

  beforeEach(() => {
    failures = [];
  });

  function hooks(...all: Telemetry[]): TelemetryHooks {
    const instrumentation = new Instrumentation();
    instrumentation.subscribe('telemetry-failed', (failure) => failures.push(failure));
    return new TelemetryHooks(all, instrumentation);
  }

  /** Each with whether it fails. */
  const ways: [string, boolean, (run: AttemptFacts, handle: () => void) => void][] = [
    ['throws before it calls the handler', true, fail],
    [
      'throws after it has called the handler',
      true,
      (_, handle) => {
        handle();
        fail();
      },
    ],
    ['never calls the handler', false, () => {}],
    [
      'calls the handler twice',
      false,
      (_, handle) => {
        handle();
        handle();
      },
    ],
    ['calls the handler later', false, (_, handle) => void setImmediate(handle)],
    [
      'returns a promise that rejects',
      true,
      async (_, handle) => {
        handle();
        await Promise.resolve();
        fail();
      },
    ],
  ];

  it.each(ways)('call a handler once when the telemetry %s', async (_, doesFail, around) => {
    const calls: string[] = [];
    const handle = () => calls.push('called');
    for (const all of [[{ around }], [{ around }, { around }], [{}, { around }]])
      expect(hooks(...all).around(run, handle, event)).toBe(calls.length);
    await new Promise(setImmediate);
    expect(calls).toHaveLength(3);
    const failure = { hook: 'around', error: 'TypeError' };
    expect(failures).toEqual(doesFail ? [failure, failure, failure, failure] : []); // of each that has the hook
  });

  it('pass on what the handler throws, and only that', () => {
    const error = new RangeError('of the handler');
    const handle = () => {
      throw error;
    };
    expect(() => hooks({ around: fail }).around(run, handle, event)).toThrow(error);
    expect(failures).toEqual([{ hook: 'around', error: 'TypeError' }]);
  });

  it('nest in the order of the list, each in the context of those before', () => {
    expect(hooks(entering('a'), entering('b')).around(run, () => store.getStore(), event)).toBe('ab');
  });

  it('give the first traceparent, and end every receipt', () => {
    const ended: string[] = [];
    const receiving = (name: string, traceparent?: string): Telemetry => ({
      receiving: () => ({ traceparent, end: () => void ended.push(name) }),
    });
    const failing: Telemetry = { receiving: () => ({ end: fail }) };
    const all = [{ receiving: fail }, failing, receiving('a'), receiving('b', TRACEPARENT), receiving('c', OTHER)];
    const receipt = hooks(...all).receiving();
    expect(receipt?.traceparent).toBe(TRACEPARENT);
    receipt?.end({} as never);
    expect(ended).toEqual(['a', 'b', 'c']);
    expect(failures).toHaveLength(2);
    expect(hooks({}).receiving()).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['longer than its column', `${TRACEPARENT}-and-more`],
    ['empty', ''],
    ['of characters that a database refuses', TRACEPARENT.replace('a', '\0')],
    ['no text', 42],
    ['an object', { toString: () => TRACEPARENT }],
  ])('pass on no traceparent that is %s, which would fail the POST', (_, traceparent) => {
    const ended: unknown[] = [];
    const lying = {
      receiving: () => ({ traceparent, end: (received: unknown) => void ended.push(received) }) as never,
    };
    const receipt = hooks(lying).receiving();
    expect(receipt?.traceparent).toBeUndefined();
    receipt?.end({} as never);
    expect(ended).toHaveLength(1);
    expect(failures).toEqual([{ hook: 'receiving', error: 'TypeError' }]);
  });

  it.each<[string, () => unknown]>([
    ['a receipt whose fields throw', () => new Proxy({}, { get: fail })],
    ['a receipt without an end', () => ({})],
    ['a number', () => 7],
    ['a promise that rejects', () => Promise.reject(new TypeError('async'))],
  ])('go on where telemetry returns %s', async (_, receiving) => {
    const given = hooks({ receiving: receiving as never }).receiving();
    expect(given?.traceparent).toBeUndefined();
    expect(() => given?.end({} as never)).not.toThrow();
    await new Promise(setImmediate);
    expect(failures.length).toBeGreaterThan(0);
  });

  it('tell of a batch of deliveries, with 32 of its POSTs at most', () => {
    const batches: BatchFacts[] = [];
    const all = hooks({ batch: fail }, { batch: (batch) => void batches.push(batch) });
    all.batch('claim', [], 0);
    all.batch(
      'claim',
      [{ traceContext: null }, ...Array.from({ length: 40 }, () => ({ traceContext: TRACEPARENT }))],
      0,
    );
    expect(batches).toEqual([
      {
        operation: 'claim',
        count: 41,
        traceparents: Array(32).fill(TRACEPARENT),
        duration: expect.any(Number),
        error: undefined,
      },
    ]);
    expect(failures).toEqual([{ hook: 'batch', error: 'TypeError' }]);
  });

  it('hold up no shutdown for longer than five seconds, and report what hangs', async () => {
    jest.useFakeTimers();
    try {
      const ended: string[] = [];
      const all = hooks({ start: () => () => new Promise(() => {}) }, { start: () => () => ended.push('other') });
      all.start({} as never);
      const stopped = all.stop();
      await jest.advanceTimersByTimeAsync(5_000);
      await stopped;
      expect(ended).toEqual(['other']);
      expect(failures).toEqual([{ hook: 'end', error: 'TimeoutError: Timed out after 5000 ms.' }]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('start all, and end those that have started', async () => {
    const ended: string[] = [];
    const all = hooks(
      { start: fail },
      { start: () => () => ended.push('one') },
      { start: () => fail },
      { start: () => () => Promise.reject(new TypeError('late')) },
      { start: () => () => ended.push('another') },
    );
    all.start({} as never);
    await all.stop();
    await all.stop();
    expect(ended).toEqual(['one', 'another']);
    expect(failures).toHaveLength(3);
  });

  it('do background work outside of every request, and quietly', () => {
    const quiet = (work: () => void) => store.run('quiet', work);
    const both = store.run('a request', () => hooks({ quiet }).inBackground(() => store.getStore()));
    expect(both).toBe('quiet');
    expect(store.run('a request', () => hooks().inBackground(() => store.getStore()))).toBeUndefined();
  });
});
