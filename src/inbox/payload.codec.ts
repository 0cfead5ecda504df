import { Injectable } from '@nestjs/common';

/** Place where a text is stored. A sealed text opens in its own place only. */
export interface TextPlace {
  readonly column: 'delivery.raw_body' | 'rejection.raw_body' | 'rejection.detail' | 'handler_run.last_error';
  /** Id of the row; of a handler run, the id of the delivery, a slash and the handler. */
  readonly row: string;
  readonly tenant: string;
}

/** Returns the place of the last error of a handler run, and of the errors of its attempts. */
export function runErrorPlace(deliveryId: string, handler: string, tenant: string): TextPlace {
  return { column: 'handler_run.last_error', row: `${deliveryId}/${handler}`, tenant };
}

/**
 * Outcome of opening a stored text.
 *
 * `readable`: it is open.
 * `key-missing`: the key that it was sealed with is not at hand now.
 * `broken`: it was changed, moved or cut off since it was sealed.
 * `plaintext-refused`: it is not sealed, and must be.
 * `destroyed`: its key was destroyed on purpose.
 */
export type OpenedText =
  | { readonly contents: 'readable'; readonly text: string }
  | { readonly contents: 'key-missing'; readonly keyId: string }
  | { readonly contents: 'broken' | 'plaintext-refused' | 'destroyed' };

/** Purpose of a keyed hash. The same value has another hash for each. */
export type HashPurpose = 'fingerprint' | 'reference' | 'rejection';

/** Begins every sealed text. No JSON begins so. */
export const SEAL_MARK = 'cw1';

/**
 * Converts contents to the text of their column, and back. Every repository reads and writes contents through it.
 *
 * `prepare()` is called before anything is written for a tenant. The other methods then need not wait.
 */
export abstract class PayloadCodec {
  /** True if rows have the columns of a sealed inbox. */
  abstract readonly isKeyed: boolean;

  /**
   * Resolves when `encode()` can be called for a tenant. Undefined if it can be called now.
   *
   * @throws Cr3dentialsWebhookError `KEYS_UNAVAILABLE`
   */
  abstract prepare(tenant: string): Promise<void> | undefined;

  /**
   * Resolves when `keyedHash()` can be called to search for a tenant. Undefined if it can be called now. Writes nothing:
   * for a tenant of which nothing is sealed, there is no hash then.
   *
   * @throws Cr3dentialsWebhookError `KEYS_UNAVAILABLE`
   */
  abstract prepareLookup(tenant: string): Promise<void> | undefined;

  /** Returns those of some tenants for which something may be sealed. */
  abstract sealedAmong(tenants: readonly string[]): Promise<readonly string[]>;

  /** Returns the id of the key that `encode()` uses; null if it writes plain text. */
  abstract currentKeyId(tenant: string): string | null;

  /** @throws Cr3dentialsWebhookError `KEYS_UNAVAILABLE` */
  abstract encode(text: string, place: TextPlace): string;

  /** Never rejects. */
  abstract decode(stored: string, place: TextPlace): OpenedText | Promise<OpenedText>;

  /** Returns a keyed hash of a value in hex; undefined if there is no key for it. */
  abstract keyedHash(tenant: string, purpose: HashPurpose, value: string): string | undefined;

  /** Tells whether a text with this key could be opened. True where only a key service can tell. */
  abstract mayOpen(keyId: string | null): boolean;

  /** True if `destroyKeys()` can be called. */
  abstract readonly canDestroyKeys: boolean;

  /** Destroys every key of a tenant, for ever. It may be called again. */
  abstract destroyKeys(tenant: string): Promise<void>;
}

/** Stores texts as they are. */
@Injectable()
export class PlainTextCodec extends PayloadCodec {
  readonly isKeyed = false;
  readonly canDestroyKeys = false;

  prepare(): undefined {
    return undefined;
  }

  prepareLookup(): undefined {
    return undefined;
  }

  sealedAmong(): Promise<string[]> {
    return Promise.resolve([]);
  }

  currentKeyId(): null {
    return null;
  }

  encode(text: string): string {
    return plainText(text);
  }

  decode(stored: string): OpenedText {
    return stored.startsWith(SEAL_MARK) ? { contents: 'key-missing', keyId: keyIdOf(stored) } : readable(stored);
  }

  keyedHash(): undefined {
    return undefined;
  }

  mayOpen(keyId: string | null): boolean {
    return keyId === null;
  }

  destroyKeys(): Promise<void> {
    return Promise.reject(cannotDestroyKeys());
  }
}

export function cannotDestroyKeys(): Error {
  return new Error('This instance has no KeyProvider that can destroy keys.');
}

/** Returns a text that nobody takes for a sealed one. Only errors and details can begin like one. */
export function plainText(text: string): string {
  return text.startsWith(SEAL_MARK) ? ` ${text}` : text;
}

export function readable(text: string): OpenedText {
  return { contents: 'readable', text };
}

/** Returns the id of the key that a text says it was sealed with. */
export function keyIdOf(stored: string): string {
  return stored.split('.', 2)[1] ?? '';
}
