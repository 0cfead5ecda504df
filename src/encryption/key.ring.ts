import { cannotDestroyKeys } from '../inbox/payload.codec.js';
import { DataKey } from './data.key.js';
import type { EncryptionKey } from './key.provider.js';
import { KeySource } from './key.source.js';

/** Keys of the configuration. All tenants share them. */
export class KeyRing extends KeySource {
  readonly hasTenants = false;
  readonly canDestroy = false;
  readonly #keys: ReadonlyMap<string, DataKey>;
  readonly #current: DataKey | null;

  constructor(keys: readonly EncryptionKey[], current: string | null) {
    super();
    this.#keys = new Map(keys.map((key) => [key.id, DataKey.from(key)]));
    this.#current = current === null ? null : (this.#keys.get(current) ?? null);
  }

  get ids(): string[] {
    return [...this.#keys.keys()];
  }

  load(): undefined {
    return undefined;
  }

  current(): DataKey | null {
    return this.#current;
  }

  find(id: string): DataKey | undefined {
    return this.#keys.get(id);
  }

  mayHave(id: string): boolean {
    return this.#keys.has(id);
  }

  destroy(): Promise<void> {
    return Promise.reject(cannotDestroyKeys());
  }

  takeUsed(): { id: string; tenant: string }[] {
    const used = [...this.#keys.values()].filter(({ isUsed }) => isUsed);
    for (const key of used) key.isUsed = false;
    return used.map(({ id }) => ({ id, tenant: '' }));
  }
}
