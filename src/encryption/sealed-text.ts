import { createCipheriv, createDecipheriv, createHmac, randomFillSync } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { SEAL_MARK, type TextPlace } from '../inbox/payload.codec.js';
import type { DataKey } from './data.key.js';

/** `cw1`, `r` (raw) or `d` (deflated), the id of the key, and nonce, ciphertext and tag in base64url. */
const SEALED = /^cw1([rd])\.([\w-]{1,64})\.([\w-]{38,})$/;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Nonces that are made at once. A call for each costs more than the cipher. */
const POOLED_NONCES = 256;
/** Length from which a text is compressed. A shorter one hardly becomes shorter. */
const MIN_COMPRESSED_BYTES = 2_048;
/** A compressed text that is longer than this share of the text is not worth it. */
const MAX_COMPRESSED_SHARE = 0.9;
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
const FIRST_BLOCK = Buffer.from([1]);

/** Place that a text is bound to. */
export type SealedPlace = Omit<TextPlace, 'column'> & { readonly column: TextPlace['column'] | 'key.lookup' };

export interface SealedText {
  readonly compression: string;
  readonly keyId: string;
  readonly content: string;
}

/** Makes nonces, many at once. */
export class NoncePool {
  readonly #pool = Buffer.alloc(POOLED_NONCES * NONCE_BYTES);
  #offset = this.#pool.length;

  next(): Buffer {
    if (this.#offset === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#offset = 0;
    }
    return this.#pool.subarray(this.#offset, (this.#offset += NONCE_BYTES));
  }
}

/** Returns the parts of a sealed text; undefined if it is none. */
export function parseSealed(stored: string): SealedText | undefined {
  const [, compression = '', keyId = '', content = ''] = SEALED.exec(stored) ?? [];
  return content ? { compression, keyId, content } : undefined;
}

/**
 * Seals a text with AES-256-GCM. The key is derived for its place, and opens nothing elsewhere.
 *
 * @param compress whether a long text may be compressed before
 */
export function seal(key: DataKey, text: string, place: SealedPlace, nonces: NoncePool, compress: boolean): string {
  const raw = Buffer.from(text, 'utf8');
  const short = compress && raw.length >= MIN_COMPRESSED_BYTES ? deflateRawSync(raw, { level: 1 }) : undefined;
  const isCompressed = short !== undefined && short.length <= raw.length * MAX_COMPRESSED_SHARE;
  const compression = isCompressed ? 'd' : 'r';
  const aad = additionalData(compression, place, key.id);
  const nonce = nonces.next();
  const cipher = createCipheriv('aes-256-gcm', messageKey(key, aad), nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
  const ciphertext = cipher.update(isCompressed ? short : raw);
  cipher.final(); // GCM has nothing left
  key.isUsed = true;
  const content = Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64url');
  return `${SEAL_MARK}${compression}.${key.id}.${content}`;
}

/** Opens a sealed text. Returns undefined if it was not sealed so: with this key, for this place. */
export function unseal(
  key: DataKey,
  { compression, keyId, content }: SealedText,
  place: SealedPlace,
): string | undefined {
  if (keyId !== key.id) return undefined;
  const bytes = Buffer.from(content, 'base64url');
  if (bytes.toString('base64url') !== content) return undefined; // the last character may have bits that do not count
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const ciphertext = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
  const aad = additionalData(compression, place, key.id);
  try {
    const decipher = createDecipheriv('aes-256-gcm', messageKey(key, aad), nonce, { authTagLength: TAG_BYTES })
      .setAAD(aad)
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const opened = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    const raw = compression === 'd' ? inflateRawSync(opened, { maxOutputLength: MAX_INFLATED_BYTES }) : opened;
    return raw.toString('utf8');
  } catch {
    return undefined;
  }
}

function additionalData(compression: string, { column, row, tenant }: SealedPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify(['cr3dentials-webhook', 1, compression, column, row, tenant, keyId]));
}

/** Returns the key of one place: the first block of HKDF-Expand. No key ever sees more than a few nonces. */
function messageKey(key: DataKey, aad: Buffer): Buffer {
  return createHmac('sha256', key.sealingKey).update(aad).update(FIRST_BLOCK).digest();
}
