import { PayloadCodec, plainText, readable, SEAL_MARK } from '../inbox/payload.codec.js';
import type { HashPurpose, OpenedText, TextPlace } from '../inbox/payload.codec.js';
import type { EncryptionSettings } from './encryption.options.js';
import type { FoundKey, KeySource } from './key.source.js';
import type { LookupSecrets } from './lookup.secrets.js';
import { NoncePool, parseSealed, seal, unseal, type SealedText } from './sealed-text.js';

/** Seals texts with the current key of their tenant, each bound to its place. */
export class SealingCodec extends PayloadCodec {
  readonly isKeyed = true;
  readonly #nonces = new NoncePool();

  constructor(
    private readonly keys: KeySource,
    private readonly lookups: LookupSecrets,
    private readonly settings: Pick<EncryptionSettings, 'plaintext' | 'compress'>,
  ) {
    super();
  }

  prepare(tenant: string): Promise<void> | undefined {
    const loading = this.keys.load(tenant);
    return loading ? loading.then(() => this.lookups.load(tenant)) : this.lookups.load(tenant);
  }

  prepareLookup(tenant: string): Promise<void> | undefined {
    if (this.lookups.isOpen(tenant)) return undefined;
    const loading = this.keys.load(tenant);
    return loading ? loading.then(() => this.lookups.open(tenant)) : this.lookups.open(tenant);
  }

  sealedAmong(tenants: readonly string[]): Promise<readonly string[]> {
    return this.lookups.knownAmong(tenants);
  }

  currentKeyId(tenant: string): string | null {
    return this.keys.current(tenant)?.id ?? null;
  }

  encode(text: string, place: TextPlace): string {
    const key = this.keys.current(place.tenant);
    return key ? seal(key, text, place, this.#nonces, this.settings.compress) : plainText(text);
  }

  decode(stored: string, place: TextPlace): OpenedText | Promise<OpenedText> {
    if (!stored.startsWith(SEAL_MARK))
      return this.settings.plaintext === 'accept' ? readable(stored) : { contents: 'plaintext-refused' };
    const sealed = parseSealed(stored);
    if (!sealed) return { contents: 'broken' };
    const key = this.keys.find(sealed.keyId, place.tenant);
    return key instanceof Promise ? key.then((found) => opened(found, sealed, place)) : opened(key, sealed, place);
  }

  keyedHash(tenant: string, purpose: HashPurpose, value: string): string | undefined {
    return this.lookups.hash(tenant, purpose, value);
  }

  get canDestroyKeys(): boolean {
    return this.keys.canDestroy;
  }

  async destroyKeys(tenant: string): Promise<void> {
    await this.keys.destroy(tenant);
    await this.lookups.forget(tenant);
  }

  mayOpen(keyId: string | null): boolean {
    return keyId === null ? this.settings.plaintext === 'accept' : this.keys.mayHave(keyId);
  }
}

function opened(key: FoundKey, sealed: SealedText, place: TextPlace): OpenedText {
  if (key === undefined) return { contents: 'key-missing', keyId: sealed.keyId };
  if (key === 'destroyed') return { contents: 'destroyed' };
  const text = unseal(key, sealed, place);
  return text === undefined ? { contents: 'broken' } : readable(text);
}
