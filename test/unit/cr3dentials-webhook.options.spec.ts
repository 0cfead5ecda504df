import { describe, expect, it } from '@jest/globals';
import { IsString } from 'class-validator';
import { inspect } from 'node:util';
import { parseExtras, parseOptions } from '../../src/cr3dentials-webhook.options.js';

class BankAccount {
  @IsString()
  accountHolder!: string;
}

const resolveSecrets = () => undefined;
const auth = { secrets: ['a secret'] };

/** As the options are documented. */
const defaults = {
  auth: { acceptsEveryone: false, header: 'X-API-Key', resolveSecrets: undefined, resolveTimeout: 10_000 },
  database: { connections: 4, listenNotify: false },
  receiving: { ackTimeout: 10_000, maxQueued: 10_000, maxQueuedBytes: 33_554_432 },
  platforms: {},
  processing: {
    enabled: true,
    concurrency: 20,
    handlerTimeout: 60_000,
    drainTimeout: 10_000,
    retry: { attempts: 96, initialDelay: 1_000, maxDelay: 3_600_000, factor: 2, jitter: 'full' },
    lease: 30_000,
    pollInterval: 1_000,
  },
  encryption: {
    isConfigured: false,
    plaintext: 'refuse',
    compress: true,
    cache: { refreshAfter: 300_000, keepFor: 3_600_000, max: 1_000 },
  },
  telemetry: [],
  observe: { interval: 10_000 },
  onAction: undefined,
  retention: {
    payload: undefined,
    deliveries: undefined,
    rejections: undefined,
    undecided: undefined,
    interval: 300_000,
  },
};

describe('an option left out', () => {
  it('has the documented default', () => {
    expect(parseOptions({ auth })).toEqual(defaults);
  });

  it('has it beside others of its group', () => {
    expect(parseOptions({ auth, processing: { concurrency: 3, retry: { attempts: 4 } } })).toEqual({
      ...defaults,
      processing: {
        ...defaults.processing,
        concurrency: 3,
        retry: { ...defaults.processing.retry, attempts: 4 },
      },
    });
  });

  it('may be undefined as well, which the check accepts', () => {
    const nothing = {
      receiving: { ackTimeout: undefined, maxQueued: undefined, maxQueuedBytes: undefined },
      processing: {
        enabled: undefined,
        concurrency: undefined,
        handlerTimeout: undefined,
        drainTimeout: undefined,
        retry: {
          attempts: undefined,
          initialDelay: undefined,
          maxDelay: undefined,
          factor: undefined,
          jitter: undefined,
        },
        lease: undefined,
        pollInterval: undefined,
      },
    };
    expect(parseOptions({ auth, ...nothing })).toEqual(defaults);
  });
});

describe('an option that is given', () => {
  it('stands as it is', () => {
    const given = {
      database: { connections: 5, listenNotify: true },
      receiving: { ackTimeout: 1, maxQueued: 2, maxQueuedBytes: 3 },
      platforms: { 1: BankAccount },
      processing: {
        enabled: false,
        concurrency: 3,
        handlerTimeout: 4,
        drainTimeout: 0,
        retry: () => 'dead' as const,
        lease: 6_000,
        pollInterval: 7,
      },
    };
    expect(parseOptions({ auth, ...given })).toEqual({
      auth: { ...defaults.auth, resolveTimeout: 1 },
      encryption: defaults.encryption,
      retention: defaults.retention,
      telemetry: [],
      observe: { interval: 10_000 },
      onAction: undefined,
      ...given,
    });
  });

  it('says who may post, without a secret', () => {
    expect(parseOptions({ auth: 'none' }).auth).toEqual({ ...defaults.auth, acceptsEveryone: true });
    expect(parseOptions({ auth: { header: 'X-Key', resolveSecrets } }).auth).toEqual({
      ...defaults.auth,
      header: 'X-Key',
      resolveSecrets,
    });
    expect(inspect(parseOptions({ auth }), { depth: null })).not.toContain('a secret');
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
    expect(parseExtras({ path }).http.paths).toEqual(routes);
  });

  it('comes with nothing else that the host did not ask for', () => {
    expect(parseExtras({})).toEqual({
      http: { receive: true, paths: ['/webhook/cr3dentials'], controllerDecorators: [] },
      dataSource: undefined,
      isGlobal: true,
    });
  });
});
