import { Inject, Injectable } from '@nestjs/common';
import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { HashPurpose } from '../inbox/payload.codec.js';
import { TaskRepository } from '../inbox/task.repository.js';
import { DataKey } from './data.key.js';
import { keyMismatch } from './encryption.options.js';
import { KeyRepository, type RegisteredKey } from './key.repository.js';
import { KeySource, keysUnavailable } from './key.source.js';
import { NoncePool, parseSealed, seal, unseal, type SealedPlace } from './sealed-text.js';

const SECRET_BYTES = 32;
const LEASE_MS = 10_000;
const RETRY_DELAY_MS = 50;

interface OpenSecret {
  readonly secret: KeyObject;
  /** Key of the tenant under which it is kept; empty without tenants. Undefined if nobody has looked. */
  readonly keyId: string | undefined;
}

/**
 * Secrets that keyed hashes are made with: one of each tenant of a provider, else one in all. A secret is made once and
 * kept in the table of keys, sealed under each key. So a rotation changes no hash, and a key with other bytes is
 * noticed.
 */
@Injectable()
export class LookupSecrets {
  readonly #secrets = new Map<string, OpenSecret>();
  readonly #loading = new Map<string, Promise<void>>();
  readonly #nonces = new NoncePool();
  /** Number of times that secrets were forgotten. */
  #forgotten = 0;

  constructor(
    private readonly repository: KeyRepository,
    private readonly tasks: TaskRepository,
    @Inject(KeySource) private readonly keys: KeySource,
    private readonly clock: Clock,
  ) {}

  /**
   * Opens the secret of a tenant, or makes it, and keeps it under the current key of the tenant. Undefined if that has
   * been done. The current key must be at hand.
   *
   * @throws Cr3dentialsWebhookError `KEY_MISMATCH`, `KEYS_UNKNOWN`, or `KEYS_UNAVAILABLE` if it was forgotten meanwhile
   */
  load(tenant: string): Promise<void> | undefined {
    const name = this.nameOf(tenant);
    const open = this.#secrets.get(name);
    if (open?.keyId === this.keyIdOf(tenant)) return undefined;
    const isAsked = () => this.#loading.get(name) === loading;
    const loading: Promise<void> =
      this.#loading.get(name) ??
      this.establish(tenant, open?.secret.export())
        .then((established) =>
          isAsked() ? void this.#secrets.set(name, established) : Promise.reject(keysUnavailable()),
        )
        .finally(() => isAsked() && this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  isOpen(tenant: string): boolean {
    return this.#secrets.has(this.nameOf(tenant));
  }

  /**
   * Opens the secret of a tenant, if one was made. Writes nothing. The current key must be at hand.
   *
   * @throws Cr3dentialsWebhookError `KEY_MISMATCH`, `KEYS_UNKNOWN`
   */
  async open(tenant: string): Promise<void> {
    const name = this.nameOf(tenant);
    const before = this.#forgotten;
    const lookup = await this.secretIn(await this.repository.list(name), await this.ownKeys(tenant));
    if (lookup && !this.isOpen(tenant) && before === this.#forgotten)
      this.#secrets.set(name, { secret: createSecretKey(lookup), keyId: undefined });
    lookup?.fill(0);
  }

  /** Returns those of some tenants for which a secret was made. */
  async knownAmong(tenants: readonly string[]): Promise<readonly string[]> {
    if (!this.keys.hasTenants) return tenants;
    const known = new Set(await this.repository.tenants());
    return tenants.filter((tenant) => known.has(tenant));
  }

  /** Returns a keyed hash in hex; undefined if the secret is not open. */
  hash(tenant: string, purpose: HashPurpose, value: string): string | undefined {
    const secret = this.#secrets.get(this.nameOf(tenant))?.secret;
    // A fingerprint is a hash already, and that of a tenant's session. A reference may be the same for two tenants.
    const text = purpose === 'reference' ? `${purpose}\0${tenant}\0${value}` : `${purpose}\0${value}`;
    return secret && createHmac('sha256', secret).update(text).digest('hex');
  }

  /** Forgets the secret of a tenant whose keys are destroyed. A tenant that comes back gets another. */
  async forget(tenant: string): Promise<void> {
    this.#forgotten++;
    this.#secrets.delete(this.nameOf(tenant));
    this.#loading.delete(this.nameOf(tenant)); // it may be kept under a key that is destroyed by now
    await this.repository.delete(this.nameOf(tenant));
  }

  private nameOf(tenant: string): string {
    return this.keys.hasTenants ? tenant : '';
  }

  private keyIdOf(tenant: string): string {
    return this.keys.hasTenants ? (this.keys.current(tenant)?.id ?? '') : '';
  }

  /** @param known the secret, if it is open and only its copy under another key is missing */
  private async establish(tenant: string, known: Buffer | undefined): Promise<OpenSecret> {
    const name = this.nameOf(tenant);
    const ownKeys = await this.ownKeys(tenant);
    const keyId = this.keys.hasTenants ? (ownKeys[0]?.id ?? '') : '';
    const lookup = (await this.tryToOpen(name, ownKeys, known)) ?? (await this.make(name, ownKeys, known));
    const secret = createSecretKey(lookup);
    lookup.fill(0);
    return { secret, keyId };
  }

  /** Returns the keys that must open the secret: all that are configured, or the one that seals. */
  private async ownKeys(tenant: string): Promise<DataKey[]> {
    if (this.keys.hasTenants) {
      const key = this.keys.current(tenant);
      return key ? [key] : [];
    }
    const found = await Promise.all(this.keys.ids.map((id) => this.keys.find(id, tenant)));
    return found.filter((key) => key instanceof DataKey);
  }

  /** Opens the secret. Undefined if it, or its copy under one of the keys, has to be made first. */
  private async tryToOpen(name: string, ownKeys: readonly DataKey[], known?: Buffer): Promise<Buffer | undefined> {
    const rows = await this.repository.list(name);
    const secret = known ?? (await this.secretIn(rows, ownKeys));
    if (ownKeys.some(({ id }) => !rows.some((row) => row.id === id))) return undefined;
    return secret;
  }

  /** Makes what is missing. Two instances must not make two secrets, so one does at a time. */
  private async make(name: string, ownKeys: readonly DataKey[], known: Buffer | undefined): Promise<Buffer> {
    for (;;) {
      const lease = await this.tasks.take('keys', LEASE_MS);
      if (!lease) {
        await sleep(RETRY_DELAY_MS);
        continue;
      }
      try {
        return await this.makeAlone(name, ownKeys, known);
      } finally {
        await this.tasks.release(lease, null).catch(() => {}); // its lease ends by itself
      }
    }
  }

  private async makeAlone(name: string, ownKeys: readonly DataKey[], known: Buffer | undefined): Promise<Buffer> {
    const rows = await this.repository.list(name);
    const secret = known ?? (await this.secretIn(rows, ownKeys)) ?? randomBytes(SECRET_BYTES);
    for (const key of ownKeys) {
      if (rows.some(({ id }) => id === key.id)) continue;
      const lookup = seal(key, secret.toString('base64url'), placeOf(key.id, name), this.#nonces, false);
      await this.repository.add({ id: key.id, tenant: name, lookup }, this.clock.now());
    }
    const opened = await this.tryToOpen(name, ownKeys);
    if (!opened?.equals(secret)) throw keyMismatch(ownKeys[0]?.id ?? '');
    return opened;
  }

  /**
   * Opens the secret. Undefined if none was made, or if all keys that it was kept under were destroyed on purpose.
   *
   * @throws Cr3dentialsWebhookError `KEY_MISMATCH` if a key of this id has other bytes, `KEYS_UNKNOWN` if none opens it
   */
  private async secretIn(rows: readonly RegisteredKey[], ownKeys: readonly DataKey[]): Promise<Buffer | undefined> {
    let secret: Buffer | undefined;
    const unknown: string[] = [];
    for (const row of rows) {
      const isOwn = ownKeys.some(({ id }) => id === row.id);
      if (secret && !isOwn) continue;
      const key = ownKeys.find(({ id }) => id === row.id) ?? (await this.keys.find(row.id, row.tenant));
      if (key === undefined) unknown.push(row.id);
      if (!(key instanceof DataKey)) continue;
      const opened = openLookup(key, row);
      if (!opened || (secret && !secret.equals(opened))) throw keyMismatch(row.id);
      secret = opened;
    }
    if (!secret && unknown.length > 0) throw keysUnknown(unknown);
    return secret;
  }
}

function openLookup(key: DataKey, { id, tenant, lookup }: RegisteredKey): Buffer | undefined {
  const sealed = parseSealed(lookup);
  const text = sealed?.keyId === id ? unseal(key, sealed, placeOf(id, tenant)) : undefined;
  return text === undefined ? undefined : Buffer.from(text, 'base64url');
}

function placeOf(keyId: string, tenant: string): SealedPlace {
  return { column: 'key.lookup', row: keyId, tenant };
}

function keysUnknown(ids: readonly string[]): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'KEYS_UNKNOWN',
    `This inbox was sealed with the keys ${ids.map((id) => `"${id}"`).join(', ')}, and none of them is configured. Put one of them back beside the new one for one start.`,
  );
}
