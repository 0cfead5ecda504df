import { describe, expect, it } from '@jest/globals';
import { withDefaultExtras, withDefaults } from '../../src/cr3dentials-webhook.options.js';

const auth = { secrets: ['a secret'] };

/** As the options are documented. */
const defaults = {
  auth,
  ackTimeout: 10_000,
  maxQueued: 10_000,
  platforms: {},
  processing: { enabled: true, concurrency: 20, handlerTimeout: 60_000, drainTimeout: 10_000 },
  retry: { attempts: 12, initialDelay: 1_000, maxDelay: 3_600_000, factor: 2, jitter: 'full' },
  lease: { duration: 30_000 },
  poll: { interval: 1_000 },
};

describe('an option left out', () => {
  it('has the documented default', () => {
    expect(withDefaults({ auth })).toEqual(defaults);
  });

  it('has it beside others of its group', () => {
    expect(withDefaults({ auth, processing: { concurrency: 3 }, retry: { attempts: 4 } })).toEqual({
      ...defaults,
      processing: { ...defaults.processing, concurrency: 3 },
      retry: { ...defaults.retry, attempts: 4 },
    });
  });

  it('may be undefined as well, which the check accepts', () => {
    const nothing = {
      ackTimeout: undefined,
      maxQueued: undefined,
      processing: { enabled: undefined, concurrency: undefined, handlerTimeout: undefined, drainTimeout: undefined },
      retry: {
        attempts: undefined,
        initialDelay: undefined,
        maxDelay: undefined,
        factor: undefined,
        jitter: undefined,
      },
      lease: { duration: undefined },
      poll: { interval: undefined },
    };
    expect(withDefaults({ auth, ...nothing })).toEqual(defaults);
  });
});

describe('an option that is given', () => {
  it('stands as it is', () => {
    const given = {
      auth: 'none' as const,
      ackTimeout: 1,
      maxQueued: 2,
      platforms: { 1: Date },
      processing: { enabled: false, concurrency: 3, handlerTimeout: 4, drainTimeout: 0 },
      retry: () => 'dead' as const,
      lease: { duration: 600 },
      poll: { interval: 7 },
    };
    expect(withDefaults(given)).toEqual(given);
  });
});

describe('a route', () => {
  it.each([
    [undefined, ['/webhook/cr3dentials']],
    ['hooks', ['/hooks']],
    ['/hooks/', ['/hooks']],
    ['//hooks/:tenant//', ['/hooks/:tenant']],
    [
      ['a', '/b/c'],
      ['/a', '/b/c'],
    ],
    ['/', ['/']],
  ])('has one slash before it and none behind: %j', (path, routes) => {
    expect(withDefaultExtras({ path }).path).toEqual(routes);
  });

  it('comes with nothing else that the host did not ask for', () => {
    expect(withDefaultExtras({})).toEqual({
      path: ['/webhook/cr3dentials'],
      dataSource: undefined,
      controllerDecorators: [],
      isGlobal: false,
    });
  });
});
