import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { KeyRepository } from './key.repository.js';
import { KeySource } from './key.source.js';
import { KeyUses } from './key.uses.js';
import { ResealRepository } from './reseal.repository.js';
import { Resealer, type ResealOptions } from './resealer.js';

/**
 * Time since its last use after which no instance is sealing with a key any more. Each notes its uses once a minute.
 */
const QUIET_MS = 5 * 60_000;

/**
 * A key that the inbox was sealed with, and what is still sealed with it.
 *
 * @publicApi
 */
export interface KeyStatus {
  /** Id of the key. */
  readonly id: string;
  /** True if this instance has it. With a `KeyProvider`, true if it may have it. */
  readonly configured: boolean;
  /** Number of deliveries that are sealed with it. */
  readonly deliveries: number;
  /** Number of rejections that are sealed with it. */
  readonly rejections: number;
  /** Number of errors of handlers that are sealed with it. */
  readonly errors: number;
  /** Time when something was last sealed with it, to the minute. */
  readonly lastUsedAt: number;
  /** True if nothing is sealed with it, and no instance has used it for five minutes. */
  readonly safeToRemove: boolean;
}

/**
 * Keys of the inbox, and the rows that are not sealed.
 *
 * @publicApi
 */
export interface EncryptionStatus {
  /** Id of the key that seals new contents; null if they are written in plain text, or a `KeyProvider` decides. */
  readonly current: string | null;
  /** Number of deliveries and rejections whose contents are in plain text. */
  readonly plain: number;
  /** Keys that the inbox was sealed with. */
  readonly keys: readonly KeyStatus[];
}

/**
 * Operator's API of encryption. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
@Injectable()
export class Encryption {
  constructor(
    @Inject(KeySource) private readonly source: KeySource,
    private readonly registered: KeyRepository,
    private readonly rows: ResealRepository,
    private readonly resealer: Resealer,
    private readonly uses: KeyUses,
    private readonly clock: Clock,
  ) {}

  /** Counts what is sealed with each key. Reads whole tables: it is for people, not for polling. */
  async status(): Promise<EncryptionStatus> {
    await this.uses.note();
    const deliveries = await this.rows.countByKey('delivery');
    const rejections = await this.rows.countByKey('rejection');
    const plain = (deliveries.get('') ?? 0) + (rejections.get('') ?? 0);
    const keys: KeyStatus[] = [];
    for (const { id, lastUsedAt, isOnly } of await this.activeKeys()) {
      const counts = {
        deliveries: deliveries.get(id) ?? 0,
        rejections: rejections.get(id) ?? 0,
        errors: await this.rows.countErrors(id),
      };
      const isEmpty = counts.deliveries + counts.rejections + counts.errors === 0;
      const isQuiet = id !== this.current && !isOnly && lastUsedAt < this.clock.now() - QUIET_MS;
      keys.push({ id, configured: this.source.mayHave(id), ...counts, lastUsedAt, safeToRemove: isEmpty && isQuiet });
    }
    return { current: this.current, plain, keys };
  }

  /**
   * Seals everything with the current key that is plain or sealed with another one; with `current: null`, writes it in
   * plain text. One instance does it at a time. If it is stopped, the next call goes on.
   *
   * @returns `'done'`; `'busy'`: another instance does it; `'stopped'`: by the signal, by a shutdown, or because this
   *   instance stood still and another may do it now
   */
  reseal(options: ResealOptions = {}): Promise<'done' | 'busy' | 'stopped'> {
    return this.resealer.reseal(options, async () => {
      const { current, plain, keys } = await this.status();
      const others = keys.filter(({ id }) => id !== current);
      const rows = others.reduce((sum, key) => sum + key.deliveries + key.rejections + key.errors, 0);
      return rows + (current === null ? 0 : plain);
    });
  }

  /**
   * Marks a key retired, so that no boot asks for it. Remove it from the configuration then.
   *
   * @returns `'forgotten'`; `'in use'`: something is sealed with it, it was used in the last five minutes, or it is the
   *   only key; `'unknown'`: the inbox was never sealed with it, or it is retired
   */
  async forget(keyId: string): Promise<'forgotten' | 'in use' | 'unknown'> {
    const { keys } = await this.status();
    const key = keys.find(({ id }) => id === keyId);
    if (!key) return 'unknown';
    if (!key.safeToRemove || keys.length === 1) return 'in use';
    await this.registered.retire(keyId, this.clock.now());
    return 'forgotten';
  }

  private get current(): string | null {
    return this.source.hasTenants ? null : (this.source.current('')?.id ?? null);
  }

  /**
   * Returns the keys that are not retired, each once, with its last use for any tenant. `isOnly`: a tenant of a
   * provider has no other, so that it is the one to seal with.
   */
  private async activeKeys(): Promise<{ id: string; lastUsedAt: number; isOnly: boolean }[]> {
    const active = (await this.registered.list()).filter(({ isRetired }) => !isRetired);
    const keysOfTenant = new Map<string, number>();
    for (const { tenant } of active) keysOfTenant.set(tenant, (keysOfTenant.get(tenant) ?? 0) + 1);
    const keys = new Map<string, { id: string; lastUsedAt: number; isOnly: boolean }>();
    for (const { id, tenant, lastUsedAt } of active) {
      const before = keys.get(id);
      const isOnly = this.source.hasTenants && keysOfTenant.get(tenant) === 1;
      keys.set(id, {
        id,
        lastUsedAt: Math.max(lastUsedAt, before?.lastUsedAt ?? 0),
        isOnly: isOnly || before?.isOnly === true,
      });
    }
    return [...keys.values()];
  }
}
