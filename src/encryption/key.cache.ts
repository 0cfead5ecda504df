import { BoundedMap } from '../concurrency/bounded-map.js';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import { cannotDestroyKeys } from '../inbox/payload.codec.js';
import { errorName } from '../instrumentation/single-line.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { DataKey, KEY_ID } from './data.key.js';
import type { CacheSettings } from './encryption.options.js';
import type { EncryptionKey, KeyProvider } from './key.provider.js';
import { KeySource, type FoundKey } from './key.source.js';

/** Time after which a question to the provider counts as failed. */
const ASK_TIMEOUT_MS = 10_000;
/** Time for which a key that could not be had is not asked for again. */
const MISS_MS = 10_000;

interface Cached {
  readonly key: FoundKey;
  readonly loadedAt: number;
  /** Time when the provider was last asked for it. */
  askedAt: number;
}

/** Keys of a provider, by tenant. Those that are in use go on being used while the provider fails. */
export class KeyCache extends KeySource {
  readonly hasTenants = true;
  readonly #keys: BoundedMap<string, Cached>;
  readonly #current: BoundedMap<string, Cached>;
  readonly #loading = new Map<string, Promise<FoundKey>>();

  /**
   * @param onFailure is told of each failure of the provider, without values
   * @param now milliseconds of a clock that is never set
   */
  constructor(
    private readonly provider: KeyProvider,
    private readonly settings: CacheSettings,
    private readonly onFailure: (error: string) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    super();
    this.#keys = new BoundedMap(settings.max);
    this.#current = new BoundedMap(settings.max);
  }

  get ids(): string[] {
    return [...this.#keys.values()].flatMap(({ key }) => (key instanceof DataKey ? [key.id] : []));
  }

  load(tenant: string): Promise<void> | undefined {
    const cached = this.#fresh(this.#current, tenant);
    if (cached?.key instanceof DataKey) {
      // In the background, while the one that is there goes on being used.
      if (this.now() - cached.askedAt > this.settings.refreshAfter)
        runOutsideRequest(() => void this.#loadCurrent(tenant));
      return undefined;
    }
    return cached ? Promise.reject(unavailable()) : this.#loadCurrent(tenant).then((key) => void assertKey(key));
  }

  current(tenant: string): DataKey {
    return assertKey(this.#fresh(this.#current, tenant)?.key);
  }

  find(id: string, tenant: string): FoundKey | Promise<FoundKey> {
    const cached = this.#fresh(this.#keys, slot(tenant, id));
    if (cached) return cached.key;
    return this.#once(slot(tenant, id), this.#keys, async () => {
      const key = await this.provider.key(id, tenant);
      return key === null ? 'destroyed' : checked(key, id);
    });
  }

  mayHave(): boolean {
    return true;
  }

  get canDestroy(): boolean {
    return this.provider.destroy !== undefined;
  }

  async destroy(tenant: string): Promise<void> {
    if (!this.provider.destroy) throw cannotDestroyKeys();
    const late = () => new Error(`The key provider did not destroy the keys within ${ASK_TIMEOUT_MS} ms.`);
    await withTimeout(Promise.resolve(this.provider.destroy(tenant)), ASK_TIMEOUT_MS, late);
    this.#current.delete(tenant);
    for (const name of this.#keys.keys()) if (name.startsWith(slot(tenant, ''))) this.#keys.delete(name);
  }

  takeUsed(): { id: string; tenant: string }[] {
    const used: { id: string; tenant: string }[] = [];
    for (const [tenant, { key }] of this.#current) {
      if (!(key instanceof DataKey) || !key.isUsed) continue;
      key.isUsed = false;
      used.push({ id: key.id, tenant });
    }
    return used;
  }

  #loadCurrent(tenant: string): Promise<FoundKey> {
    return this.#once(tenant, this.#current, async () => {
      const key = checked(await this.provider.currentKey(tenant));
      const before = this.#current.get(tenant)?.key;
      if (before instanceof DataKey && before.id === key.id) key.isUsed = before.isUsed;
      this.#put(this.#keys, slot(tenant, key.id), key);
      return key;
    });
  }

  /** Asks the provider, once for everyone who waits for the same. */
  #once(name: string, cache: Map<string, Cached>, ask: () => Promise<FoundKey>): Promise<FoundKey> {
    const question = `${cache === this.#current ? 'current' : 'key'} ${name}`;
    const loading =
      this.#loading.get(question) ??
      withTimeout(ask(), ASK_TIMEOUT_MS)
        .then((key) => this.#put(cache, name, key))
        .catch((error: unknown) => {
          this.onFailure(errorName(error));
          const before = this.#fresh(cache, name);
          if (!(before?.key instanceof DataKey)) return this.#put(cache, name, undefined);
          before.askedAt = this.now() - this.settings.refreshAfter + MISS_MS;
          return before.key;
        })
        .finally(() => this.#loading.delete(question));
    this.#loading.set(question, loading);
    return loading;
  }

  #put(cache: Map<string, Cached>, name: string, key: FoundKey): FoundKey {
    cache.set(name, { key, loadedAt: this.now(), askedAt: this.now() });
    return key;
  }

  /** Returns what is cached and may still be used, and makes it the one used last. */
  #fresh(cache: Map<string, Cached>, name: string): Cached | undefined {
    const cached = cache.get(name);
    if (!cached) return undefined;
    const age = this.now() - cached.loadedAt;
    if (age <= (cached.key instanceof DataKey ? this.settings.keepFor : MISS_MS)) {
      cache.set(name, cached);
      return cached;
    }
    cache.delete(name);
    return undefined;
  }
}

function slot(tenant: string, id: string): string {
  return `${tenant}\0${id}`;
}

function checked(key: EncryptionKey, id = key.id): DataKey {
  if (key.id !== id || !KEY_ID.test(id)) throw new Error('The provider answered with a key of another id.');
  return DataKey.from(key);
}

function assertKey(key: FoundKey): DataKey {
  if (key instanceof DataKey) return key;
  throw unavailable();
}

function unavailable(): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'KEYS_UNAVAILABLE',
    'The key provider gave no key to seal a delivery with; the sender was asked to try again. Check the key service.',
  );
}
