/**
 * A key that contents are sealed with.
 *
 * @publicApi
 */
export interface EncryptionKey {
  /** Name of the key: 1 to 64 letters, digits, `-` and `_`. It is no secret, and must never name another key. */
  readonly id: string;
  /** The 32 bytes of the key: as bytes, or as text in base64, base64url or 64 hexadecimal digits. */
  readonly value: Uint8Array | string;
}

/**
 * Source of keys that are not configuration: a key service, a vault, a table of wrapped keys.
 * An answer that takes longer than 10 seconds counts as a failure.
 *
 * @publicApi
 */
export abstract class KeyProvider {
  /**
   * Resolves to the key to seal new data of this tenant with. It is asked once, and again after
   * `encryption.cache.refreshAfter`.
   */
  abstract currentKey(tenant: string): Promise<EncryptionKey>;
  /** Resolves to the key of this id; to null if it was destroyed on purpose, for ever. Throw when you cannot tell. */
  abstract key(id: string, tenant: string): Promise<EncryptionKey | null>;
  /**
   * Destroys every key of a tenant, for ever, so that `key()` answers null. `inbox.erase({ tenant }, { shred: true })`
   * calls it, after everything else; it may call it again. Without it, `shred` is refused.
   */
  destroy?(tenant: string): Promise<void>;
}
