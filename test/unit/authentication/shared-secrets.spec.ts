import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as crypto from 'node:crypto';
import type { SharedSecret } from 'nestjs-cr3dentials-webhook';

const timingSafeEqual = jest.fn(crypto.timingSafeEqual);
jest.unstable_mockModule('node:crypto', () => ({ ...crypto, timingSafeEqual }));
const { SharedSecrets } = await import('../../../src/authentication/shared-secrets.js');

const NOW = Date.UTC(2026, 0, 31);
const at = (milliseconds: number) => new Date(NOW + milliseconds);

describe('shared secrets', () => {
  it.each<[string, SharedSecret[], string]>([
    ['the only one', ['secret'], 'secret'],
    ['the first of several', ['secret', 'other', 'another'], 'secret'],
    ['the last of several', ['other', 'another', 'secret'], 'secret'],
    ['one that stands twice', ['secret', 'secret'], 'secret'],
    ['one as an object', [{ value: 'secret' }], 'secret'],
    ['one with a name', [{ value: 'secret', id: 'name' }], 'secret'],
    ['one in the millisecond in which it expires', [{ value: 'secret', notAfter: at(0) }], 'secret'],
    ['one that expires later', [{ value: 'secret', notAfter: at(1) }], 'secret'],
    ['one beside itself, expired', [{ value: 'secret', notAfter: at(-1) }, 'secret'], 'secret'],
    ['itself, expired, behind one', ['secret', { value: 'secret', notAfter: at(-1) }], 'secret'],
    ['one with spaces in it', ['a secret of words'], 'a secret of words'],
    ['one of a single character', ['s'], 's'],
    ['a long one', ['s'.repeat(8_000)], 's'.repeat(8_000)],
  ])('verify %s', (_, secrets, given) => {
    expect(new SharedSecrets(secrets).verify(given, NOW)).toBe(true);
  });

  it.each<[string, SharedSecret[], string]>([
    ['another', ['secret', 'other'], 'third'],
    ['one in another case', ['secret'], 'Secret'],
    ['one cut off', ['secret'], 'secre'],
    ['one with more behind it', ['secret'], 'secret '],
    ['one with more before it', ['secret'], ' secret'],
    ['one with U+0000 behind it', ['secret'], 'secret\0'],
    ['two of them in one', ['secret', 'other'], 'secretother'],
    ['a list of them', ['secret', 'other'], 'secret, other'],
    ['nothing', ['secret'], ''],
    ['the name of one', [{ value: 'secret', id: 'name' }], 'name'],
    ['one that has expired', [{ value: 'secret', notAfter: at(-1) }], 'secret'],
    ['one that has expired, first of several', [{ value: 'secret', notAfter: at(-1) }, 'other'], 'secret'],
    ['one that has expired, last of several', ['other', { value: 'secret', notAfter: at(-1) }], 'secret'],
    ['one that expires at no time', [{ value: 'secret', notAfter: new Date(Number.NaN) }], 'secret'],
    ['any where there are none', [], 'secret'],
    ['nothing where there are none', [], ''],
  ])('do not verify %s', (_, secrets, given) => {
    expect(new SharedSecrets(secrets).verify(given, NOW)).toBe(false);
  });

  it('do not take one character for another that ends in the same byte', () => {
    expect(new SharedSecrets(['secret\u015B']).verify('secret[', NOW)).toBe(false);
  });

  it('do not change when the list they were made of does', () => {
    const secrets: SharedSecret[] = ['secret'];
    const shared = new SharedSecrets(secrets);
    secrets[0] = 'other';
    expect(shared.verify('secret', NOW)).toBe(true);
    expect(shared.verify('other', NOW)).toBe(false);
  });

  it('are not to be read off', () => {
    const shared = new SharedSecrets(['secret', { value: 'other', id: 'name' }]);
    expect(JSON.stringify(shared)).toBe('{}');
    expect(Object.getOwnPropertyNames(shared)).toEqual([]);
  });

  describe('are all compared, in constant time', () => {
    const secrets: SharedSecret[] = ['first', { value: 'second', notAfter: at(-1) }, 'third', { value: 'fourth' }];

    beforeEach(() => {
      timingSafeEqual.mockClear();
    });

    it.each(['first', 'second', 'third', 'fourth', 'fifth', '', 'f', 'x'.repeat(8_000)])('with “%.10s”', (given) => {
      new SharedSecrets(secrets).verify(given, NOW);
      expect(timingSafeEqual).toHaveBeenCalledTimes(secrets.length);
      const digests = timingSafeEqual.mock.calls.map((pair) => pair.map(({ byteLength }) => byteLength));
      expect(digests).toEqual(secrets.map(() => [32, 32]));
    });
  });
});
