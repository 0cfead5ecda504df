import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { EncryptionKey } from './key.provider.js';

export const KEY_BYTES = 32;
export const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
const HEX = /^[0-9a-f]{64}$/i;
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/;
/** Makes the key for sealing differ from whatever else the same bytes are used for. */
const PURPOSE = 'cr3dentials-webhook/seal/1';

/** A key that cannot be used. The message has none of its bytes. */
export class InvalidKeyError extends Error {
  override readonly name = 'InvalidKeyError';
}

/** A key as it is used. Its bytes are outside the heap of JavaScript. */
export class DataKey {
  /** True if something was sealed with it since it was last asked. */
  isUsed = false;

  private constructor(
    readonly id: string,
    /** Secret from which the key of each text is derived. */
    readonly sealingKey: KeyObject,
  ) {}

  /** @throws InvalidKeyError unless the value has 32 bytes, which are not all the same */
  static from({ id, value }: EncryptionKey): DataKey {
    const bytes = bytesOf(value);
    if (bytes?.length !== KEY_BYTES) throw new InvalidKeyError(`The key "${id}" does not have ${KEY_BYTES} bytes.`);
    if (isUniform(bytes)) throw new InvalidKeyError(`The key "${id}" has the same byte ${KEY_BYTES} times.`);
    const derived = Buffer.from(hkdfSync('sha256', bytes, '', PURPOSE, KEY_BYTES));
    const key = new DataKey(id, createSecretKey(derived));
    derived.fill(0);
    bytes.fill(0);
    return key;
  }
}

/** Tells whether all bytes are the same, as those of a buffer that nobody has filled. */
export function isUniform(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === bytes[0]);
}

/** Returns a copy of the bytes of a key; undefined if it is no text of 32 bytes. Fill it with zeros after use. */
export function bytesOf(value: unknown): Buffer | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value !== 'string') return undefined;
  if (HEX.test(value)) return Buffer.from(value, 'hex');
  return BASE64.test(value) ? Buffer.from(value, 'base64') : undefined; // reads base64url too
}
