import { describe, expect, it } from '@jest/globals';
import { parseOptions } from '../../src/cr3dentials-webhook.options.js';
import { thrownBy } from '../support/app/thrown-by.js';

const auth = { secrets: ['k3-of-the-partner-portal'] };

function options(given: unknown): string {
  const error = thrownBy(() => parseOptions(given));
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
      { auth, processing: { retry: { initialDelay: 5_000, maxDelay: 4_999 } } },
      'Option "processing.retry.initialDelay" is longer than "processing.retry.maxDelay". Raise "processing.retry.maxDelay".',
    ],
    [
      { auth, processing: { retry: { initialDelay: 3_600_001 } } },
      'Option "processing.retry.initialDelay" is longer than "processing.retry.maxDelay". Raise "processing.retry.maxDelay".',
    ],
    [
      { auth, processing: { retry: { maxDelay: 999 } } },
      'Option "processing.retry.initialDelay" is longer than "processing.retry.maxDelay". Raise "processing.retry.maxDelay".',
    ],
    [
      { auth, processing: { pollInterval: 2_000, lease: 1_999 } },
      'Option "processing.pollInterval" is longer than "processing.lease". Lower "processing.pollInterval".',
    ],
    [
      { auth, processing: { pollInterval: 30_001 } },
      'Option "processing.pollInterval" is longer than "processing.lease". Lower "processing.pollInterval".',
    ],
  ])('are answered with the one to change: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it.each([
    { auth, processing: { retry: { initialDelay: 5_000, maxDelay: 5_000 } } },
    { auth, processing: { pollInterval: 2_000, lease: 2_000 } },
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
