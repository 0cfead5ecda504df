import { describe, expect, it } from '@jest/globals';
import { Cr3dentialsWebhookError } from 'nestjs-cr3dentials-webhook';
import { parseExtras, parseOptions } from '../../src/cr3dentials-webhook.options.js';
import { thrownBy } from '../support/app/thrown-by.js';

const SECRET = 'k3-of-the-partner-portal';

function refusalOf(secret: unknown): string {
  const error = thrownBy(() => parseOptions({ auth: { secrets: ['a good one', secret] } }));
  return error === undefined ? 'accepted' : (error as Error).message;
}

describe('a secret', () => {
  it.each([undefined, null, { value: undefined }, { value: null, id: 'old' }])(
    'whose environment variable is not set stops the boot: %j',
    (secret) => {
      expect(refusalOf(secret)).toMatch(
        /^Option "auth\.secrets\[1\]" is (undefined|null)\. Set the environment variable that it is read from\.$/,
      );
    },
  );

  it.each(['', { value: '' }])('that is empty stops the boot: %j', (secret) => {
    expect(refusalOf(secret)).toBe(
      'Option "auth.secrets[1]" is empty: it would let everyone in. Set a secret of 32 random characters or more.',
    );
  });

  it.each(['clé', '\u{1F511}', `${SECRET}\n`, ` ${SECRET}`, `${SECRET} `, 'a\tb', 'a\0b', ' ', '\u007F'])(
    'that a header cannot carry stops the boot: %j',
    (secret) => {
      const message =
        'Option "auth.secrets[1]" holds characters that a header cannot carry. Use printable ASCII without spaces around it.';
      expect(refusalOf(secret)).toBe(message);
      expect(refusalOf({ value: secret })).toBe(message);
    },
  );

  it.each(['!', '~', 'Bearer a b', 'x'.repeat(4_096)])('of printable ASCII is accepted: %j', (secret) => {
    expect(refusalOf(secret)).toBe('accepted');
    expect(refusalOf({ value: secret, id: 'new', notAfter: new Date('2030-01-01') })).toBe('accepted');
  });

  it.each([7, true, [SECRET], { values: SECRET }, { value: 7 }])('that is no text stops the boot: %j', (secret) => {
    expect(refusalOf(secret)).toMatch(
      /^Option "auth\.secrets\[1\]" must be a string or { value, id\?, notAfter\? }, not (an array|a value of type \w+)\.$/,
    );
  });

  it.each([
    [{ id: '' }, 'Option "auth.secrets[1].id" must be a string that is not empty.'],
    [{ id: 7 }, 'Option "auth.secrets[1].id" must be a string that is not empty, not a value of type number.'],
    [
      { notAfter: '2030-01-01' },
      `Option "auth.secrets[1].notAfter" must be a valid Date. Write new Date('2026-01-31T00:00:00Z').`,
    ],
    [
      { notAfter: new Date(NaN) },
      `Option "auth.secrets[1].notAfter" must be a valid Date. Write new Date('2026-01-31T00:00:00Z').`,
    ],
  ])('with more that is ill-typed stops the boot: %j', (more, message) => {
    expect(refusalOf({ value: SECRET, ...more })).toBe(message);
  });

  it.each([
    { auth: SECRET },
    { auth: [SECRET] },
    { auth: { header: `${SECRET} ${SECRET}`, secrets: ['x'] } },
    { auth: { secrets: SECRET } },
    { auth: { secrets: new Set([SECRET]) } },
    { auth: { secrets: [[SECRET]] } },
    { auth: { secrets: [`${SECRET}\n`] } },
    { auth: { secrets: [`clé ${SECRET}`] } },
    { auth: { secrets: [{ value: `clé ${SECRET}` }] } },
    { auth: { secrets: [{ value: SECRET, id: '' }] } },
    { auth: { secrets: [{ value: SECRET, notAfter: SECRET }] } },
    { auth: { secrets: [{ value: SECRET, valeu: SECRET }] } },
    { auth: { secrets: [{ vaule: SECRET }] } },
    { auth: { resolveSecrets: SECRET } },
    { auth: { secrets: [SECRET], resolveSecrets: () => undefined } },
    { auth: { secret: SECRET } },
    { secrets: [SECRET] },
    { auth: { secrets: [SECRET] }, receiving: { maxQueued: SECRET } },
    { auth: { secrets: [SECRET] }, processing: { retry: { jitter: SECRET } } },
  ])('stands in no message, wherever it was put', (given) => {
    const errors = [parseOptions, parseExtras].map((check) => thrownBy(() => check(given)));
    const [error, atOnce = error] = errors;
    for (const thrown of [error, atOnce]) {
      expect(thrown).toBeInstanceOf(Cr3dentialsWebhookError);
      expect((thrown as Error).stack).not.toContain(SECRET);
    }
  });
});
