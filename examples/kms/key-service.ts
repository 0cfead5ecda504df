import { Injectable } from '@nestjs/common';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG = { authTagLength: 16 };

/**
 * What a key service does: it keeps a master key, which never leaves it, and wraps and unwraps the keys of others.
 * Write one that asks yours, and provide it in place of `FakeKeyService`.
 */
export abstract class KeyService {
  abstract wrap(key: Buffer): Promise<string>;
  abstract unwrap(wrapped: string): Promise<Buffer>;
}

/** Has its master key in memory: what it has wrapped is lost with the process, unless `KMS_MASTER_KEY` is set. */
@Injectable()
export class FakeKeyService extends KeyService {
  readonly #master = Buffer.from(process.env.KMS_MASTER_KEY ?? randomBytes(32).toString('base64url'), 'base64url');
  isDown = false;

  async wrap(key: Buffer): Promise<string> {
    await this.answer();
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#master, nonce, TAG);
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  }

  async unwrap(wrapped: string): Promise<Buffer> {
    await this.answer();
    const bytes = Buffer.from(wrapped, 'base64url');
    const decipher = createDecipheriv(CIPHER, this.#master, bytes.subarray(0, NONCE_BYTES), TAG);
    decipher.setAuthTag(bytes.subarray(-TAG.authTagLength));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG.authTagLength)), decipher.final()]);
  }

  /** As a service does: later, or not at all. */
  private async answer(): Promise<void> {
    await Promise.resolve();
    if (this.isDown) throw new Error('The key service is down.');
  }
}
