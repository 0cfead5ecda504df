import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { DataKey } from './data.key.js';

/** Key of an id; `destroyed` on purpose; or undefined if it cannot be had now. */
export type FoundKey = DataKey | 'destroyed' | undefined;

/** Keys of this instance. */
export abstract class KeySource {
  /** True if each tenant has keys of its own. */
  abstract readonly hasTenants: boolean;
  /** Ids of all keys, as far as they are known. */
  abstract readonly ids: readonly string[];

  /**
   * Resolves when `current()` can be called for a tenant. Undefined if it can be called now.
   *
   * @throws Cr3dentialsWebhookError `KEYS_UNAVAILABLE`
   */
  abstract load(tenant: string): Promise<void> | undefined;

  /**
   * Returns the key that seals new data; null if it is written in plain text.
   *
   * @throws Cr3dentialsWebhookError `KEYS_UNAVAILABLE` if it has not been loaded
   */
  abstract current(tenant: string): DataKey | null;

  /** Finds a key. Never rejects. */
  abstract find(id: string, tenant: string): FoundKey | Promise<FoundKey>;

  /** Tells whether there may be a key of this id. */
  abstract mayHave(id: string): boolean;

  /** True if `destroy()` can be called. */
  abstract readonly canDestroy: boolean;

  /** Destroys every key of a tenant, for ever. */
  abstract destroy(tenant: string): Promise<void>;

  /** Returns the keys that were used since the last call, with their tenants. */
  abstract takeUsed(): { readonly id: string; readonly tenant: string }[];
}

export function keysUnavailable(): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'KEYS_UNAVAILABLE',
    'The key provider gave no key to seal a delivery with; the sender was asked to try again. Check the key service.',
  );
}
