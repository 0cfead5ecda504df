import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { BoundedMap } from '../concurrency/bounded-map.js';
import { SharedSecrets, type CountedUse, type SecretUse } from './shared-secrets.js';

/** Resolved secrets whose uses are remembered: those used last. There may be a tenant for every customer. */
const MAX_RESOLVED = 1_000;

/** Knows the uses of secrets on this instance since it started. */
@Injectable()
export class SecretUses {
  readonly #resolved = new BoundedMap<string, CountedUse & { tenant: string }>(MAX_RESOLVED);

  constructor(
    private readonly shared: SharedSecrets,
    private readonly clock: Clock,
  ) {}

  /** Adds the uses of secrets that were resolved for one POST. */
  addResolved(tenant: string, secrets: SharedSecrets): void {
    for (const use of secrets.uses()) {
      if (use.uses === 0) continue;
      const key = `${tenant}\0${use.id}`;
      const uses = use.uses + (this.#resolved.get(key)?.uses ?? 0);
      this.#resolved.set(key, { ...use, tenant, uses });
    }
  }

  /** Returns all secrets of `auth.secrets`, or those of `auth.resolveSecrets` that were used. */
  list(): SecretUse[] {
    const now = this.clock.now();
    return this.counted().map(({ notAfter, ...use }) => ({ ...use, isExpired: notAfter < now }));
  }

  /** Returns the same with the times after which they are refused. */
  counted(): (CountedUse & { tenant: string })[] {
    return [...this.shared.uses().map((use) => ({ ...use, tenant: '' })), ...this.#resolved.values()];
  }
}
