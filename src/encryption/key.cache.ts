import { BoundedMap } from '../concurrency/bounded-map.js';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import { cannotDestroyKeys } from '../inbox/payload.codec.js';
import { errorName } from '../instrumentation/single-line.js';
import { DataKey, InvalidKeyError, KEY_ID } from './data.key.js';
import type { CacheSettings } from './encryption.options.js';
import type { EncryptionKey, KeyProvider } from './key.provider.js';
import { KeySource, keysUnavailable, type FoundKey } from './key.source.js';

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
    return cached ? Promise.reject(keysUnavailable()) : this.#loadCurrent(tenant).then((key) => void assertKey(key));
  }

  current(tenant: string): DataKey {
    return assertKey(this.#fresh(this.#current, tenant)?.key);
  }

  find(id: string, tenant: string): FoundKey | Promise<FoundKey> {
    const cached = this.#fresh(this.#keys, slot(tenant, id));
    if (cached) return cached.key;
    const name = slot(tenant, id);
    return this.#once(name, this.#keys, name, async () => {
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
    // Forgotten also if it failed, or is late: a key that may be destroyed must seal nothing more.
    await withTimeout(Promise.resolve(this.provider.destroy(tenant)), ASK_TIMEOUT_MS, late).finally(() =>
      this.#forget(tenant),
    );
  }

  #forget(tenant: string): void {
    this.#current.delete(tenant);
    for (const names of [this.#keys, this.#loading])
      for (const name of names.keys()) if (name.startsWith(slot(tenant, ''))) names.delete(name); // also a question
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
    return this.#once(currentOf(tenant), this.#current, tenant, async () =>
      checked(await this.provider.currentKey(tenant)),
    );
  }

  /** Asks the provider, once for everyone who waits for the same. An answer to what was forgotten is not kept. */
  #once(question: string, cache: Map<string, Cached>, name: string, ask: () => Promise<FoundKey>): Promise<FoundKey> {
    const isAsked = () => this.#loading.get(question) === loading;
    const loading: Promise<FoundKey> =
      this.#loading.get(question) ??
      withTimeout(ask(), ASK_TIMEOUT_MS)
        .then((key) => (isAsked() ? this.#put(cache, name, key) : key))
        .catch((error: unknown) => {
          this.onFailure(error instanceof InvalidKeyError ? error.message : errorName(error));
          if (!isAsked()) return undefined;
          const before = this.#fresh(cache, name);
          if (!(before?.key instanceof DataKey)) return this.#put(cache, name, undefined);
          before.askedAt = this.now() - this.settings.refreshAfter + MISS_MS;
          return before.key;
        })
        .finally(() => isAsked() && this.#loading.delete(question));
    this.#loading.set(question, loading);
    return loading;
  }

  #put(cache: Map<string, Cached>, name: string, key: FoundKey): FoundKey {
    const times = { loadedAt: this.now(), askedAt: this.now() };
    if (cache === this.#current && key instanceof DataKey) {
      const before = cache.get(name)?.key;
      if (before instanceof DataKey && before.id === key.id) key.isUsed = before.isUsed;
      this.#keys.set(slot(name, key.id), { key, ...times });
    }
    cache.set(name, { key, ...times });
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

/** Returns the name of the question for the current key. No slot has an empty id. */
function currentOf(tenant: string): string {
  return slot(tenant, '');
}

function checked(key: EncryptionKey, id = key.id): DataKey {
  if (!KEY_ID.test(key.id)) throw new InvalidKeyError('The id of a key is not 1 to 64 letters, digits, "-" and "_".');
  if (key.id !== id) throw new InvalidKeyError(`The answer to "${id}" is a key of another id.`);
  return DataKey.from(key);
}

function assertKey(key: FoundKey): DataKey {
  if (key instanceof DataKey) return key;
  throw keysUnavailable();
}
