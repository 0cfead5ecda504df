import { describe, expect, it } from '@jest/globals';
import { checkOptions } from '../../src/cr3dentials-webhook.options.check.js';
import { thrownBy } from '../support/app/thrown-by.js';

const auth = { secrets: ['k3-of-the-partner-portal'] };

function options(given: unknown): string {
  const error = thrownBy(() => checkOptions(given));
  return error === undefined ? 'accepted' : (error as Error).message;
}

describe('a missing option', () => {
  it.each([{}, { auth: undefined }])('is answered with what to pass: %j', (given) => {
    expect(options(given)).toBe(
      'Option "auth" is missing. Pass { secrets: [process.env.CR3D_WEBHOOK_SECRET] }, or "none" to accept every caller.',
    );
  });

  it.each([{ auth: {} }, { auth: { header: 'X-Key' } }, { auth: { secrets: undefined } }])(
    'of "auth" is answered with what to pass: %j',
    (given) => {
      expect(options(given)).toBe(
        'Option "auth" needs "secrets" or "resolveSecrets". Pass { secrets: [process.env.CR3D_WEBHOOK_SECRET] }.',
      );
    },
  );

  it('is a list without a secret', () => {
    expect(options({ auth: { secrets: [] } })).toBe(
      'Option "auth.secrets" is empty. Pass at least one secret, or "none" as "auth" to accept every caller.',
    );
  });
});

describe('contradictory options', () => {
  it.each([
    [
      { auth: { ...auth, resolveSecrets: () => undefined } },
      'Options "auth.secrets" and "auth.resolveSecrets" exclude each other. Keep one of them.',
    ],
    [
      { auth, retry: { initialDelay: 5_000, maxDelay: 4_999 } },
      'Option "retry.initialDelay" is longer than "retry.maxDelay". Raise "retry.maxDelay".',
    ],
    [
      { auth, retry: { initialDelay: 3_600_001 } },
      'Option "retry.initialDelay" is longer than "retry.maxDelay". Raise "retry.maxDelay".',
    ],
    [
      { auth, retry: { maxDelay: 999 } },
      'Option "retry.initialDelay" is longer than "retry.maxDelay". Raise "retry.maxDelay".',
    ],
    [
      { auth, poll: { interval: 2_000 }, lease: { duration: 1_999 } },
      'Option "poll.interval" is longer than "lease.duration". Lower "poll.interval".',
    ],
    [
      { auth, lease: { duration: 999 } },
      'Option "poll.interval" is longer than "lease.duration". Lower "poll.interval".',
    ],
  ])('are answered with the one to change: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it.each([
    { auth, retry: { initialDelay: 5_000, maxDelay: 5_000 } },
    { auth, poll: { interval: 2_000 }, lease: { duration: 2_000 } },
  ])('are not those that are equal: %j', (given) => {
    expect(options(given)).toBe('accepted');
  });

  it.each(['path', 'dataSource', 'controllerDecorators', 'isGlobal'])(
    'are a factory that answers what Nest needs before it is called: %s',
    (name) => {
      expect(options({ auth, [name]: undefined })).toBe(
        `Option "${name}" cannot come from a factory. Put it beside "useFactory" in forRootAsync.`,
      );
    },
  );
});
