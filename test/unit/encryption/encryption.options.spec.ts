import { describe, expect, it } from '@jest/globals';
import { KeyProvider, type EncryptionKey } from 'nestjs-cr3dentials-webhook';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { parseOptions } from '../../../src/cr3dentials-webhook.options.js';

const SECRET = randomBytes(32).toString('base64url');
const auth = { secrets: ['a secret of the partner', { value: SECRET, id: 'new' }] };
const one = { id: '2026-11', value: randomBytes(32).toString('base64url') };
const two = { id: '2026-12', value: randomBytes(32).toString('hex') };

class Provider extends KeyProvider {
  currentKey(): Promise<EncryptionKey> {
    return Promise.resolve(one);
  }

  key(): Promise<EncryptionKey | null> {
    return Promise.resolve(one);
  }
}

/** The message of the error, or nothing. */
function complaint(encryption: unknown): string | undefined {
  try {
    parseOptions({ auth, encryption });
    return undefined;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return code === 'OPTIONS_INVALID' ? message : `${code} ${message}`;
  }
}

describe('the options of encryption', () => {
  it.each([
    ['keys and the one that seals', { keys: [one, two], current: '2026-12' }],
    ['keys, and plain text', { keys: [one], current: null, plaintext: 'accept', compress: false }],
    ['a provider', { keyProvider: new Provider(), cache: { refreshAfter: 1, keepFor: 2, max: 3 } }],
    ['nothing', undefined],
  ])('may be %s', (_, encryption) => {
    expect(complaint(encryption)).toBeUndefined();
  });

  it.each([
    [{}, 'Option "encryption" needs "keys" or "keyProvider". Pass keys: [{ id, value }] and "current".'],
    [
      { keys: [], current: null },
      'Option "encryption.keys" is empty. Pass at least one key, or leave "encryption" out.',
    ],
    [
      { keys: [{ id: 'k', value: undefined }], current: 'k' },
      'Option "encryption.keys[0].value" is undefined. Set the environment variable that it is read from.',
    ],
    [
      { keys: [{ id: 'k' }], current: 'k' },
      'Option "encryption.keys[0].value" is undefined. Set the environment variable that it is read from.',
    ],
    [
      { keys: [one, { id: 'k', value: 'short' }], current: 'k' },
      `Option "encryption.keys[1].value" must be 32 bytes, in base64url for example. Make them with: node -p "crypto.randomBytes(32).toString('base64url')"`,
    ],
    [
      { keys: [{ id: 'k', value: Buffer.alloc(32, 7) }], current: 'k' },
      'Option "encryption.keys[0].value" has the same byte 32 times. Use random ones.',
    ],
    [
      { keys: [{ id: 'a key', value: one.value }], current: 'k' },
      'Option "encryption.keys[0].id" must be 1 to 64 letters, digits, "-" and "_", such as "2026-12".',
    ],
    [
      { keys: [{ value: one.value }], current: 'k' },
      'Option "encryption.keys[0].id" must be 1 to 64 letters, digits, "-" and "_", such as "2026-12".',
    ],
    [
      { keys: [one, { ...two, id: one.id }], current: one.id },
      'Option "encryption.keys" has two keys with one id. Give each its own, and never use one again.',
    ],
    [
      { keys: [one, { id: 'again', value: Buffer.from(one.value, 'base64url') }], current: one.id },
      'Option "encryption.keys" has two keys with one value. Make a new one for each.',
    ],
    [
      { keys: [{ id: 'k', value: SECRET }], current: 'k' },
      'Option "encryption.keys" has a secret of "auth" as a key. Make a key that is nothing else.',
    ],
    [
      { keys: [one], current: '2026-12' },
      'Option "encryption.current" is "2026-12", which is not in "encryption.keys". Add that key.',
    ],
    [
      { keys: [one] },
      'Option "encryption.current" is missing. Name the key that seals new contents, or null for plain text.',
    ],
    [
      { keys: [one], current: one.id, keyProvider: new Provider() },
      'Options "encryption.keys" and "encryption.keyProvider" exclude each other. Keep one of them.',
    ],
    [
      { keyProvider: new Provider(), current: 'k' },
      'Option "encryption.current" belongs to "encryption.keys". Let "currentKey" of the provider say it.',
    ],
    [
      { keys: [one], current: one.id, cache: {} },
      'Option "encryption.cache" belongs to "encryption.keyProvider". Remove it.',
    ],
    [
      { keyProvider: {} },
      'Option "encryption.keyProvider" must have the methods "currentKey" and "key", not be a value of type object without them.',
    ],
    [
      { keyProvider: new Provider(), cache: { refreshAfter: 2_000, keepFor: 1_000 } },
      'Option "encryption.cache.refreshAfter" is longer than "encryption.cache.keepFor". Raise "encryption.cache.keepFor".',
    ],
    [
      { keys: [one], current: one.id, plaintext: 'maybe' },
      'Option "encryption.plaintext" must be one of "refuse", "accept".',
    ],
    [{ key: [one], current: one.id }, 'Unknown option "encryption.key". Did you mean "encryption.keys"?'],
  ])('are refused with the remedy: %#', (encryption, message) => {
    expect(complaint(encryption)).toBe(message);
  });

  it('are remembered without a key', () => {
    const settings = inspect(parseOptions({ auth, encryption: { keys: [one], current: one.id } }), { depth: null });
    expect(settings).not.toContain(one.value);
  });
});
