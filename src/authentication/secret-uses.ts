import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { SharedSecrets, type CountedUse, type SecretUse } from './shared-secrets.js';

/** Resolved secrets whose uses are remembered: those used last. There may be a tenant for every customer. */
const MAX_RESOLVED = 1_000;

/** Knows the uses of secrets on this instance since it started. */
@Injectable()
export class SecretUses {
  readonly #resolved = new Map<string, CountedUse & { tenant: string }>();

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
      this.#resolved.delete(key);
      this.#resolved.set(key, { ...use, tenant, uses });
      const [oldest] = this.#resolved.keys();
      if (this.#resolved.size > MAX_RESOLVED && oldest !== undefined) this.#resolved.delete(oldest);
    }
  }

  /** Returns all secrets of `auth.secrets`, or those of `auth.resolveSecrets` that were used. */
  list(): SecretUse[] {
    const now = this.clock.now();
    const shared = this.shared.uses().map((use) => ({ ...use, tenant: '' }));
    return [...shared, ...this.#resolved.values()].map(({ notAfter, ...use }) => ({
      ...use,
      isExpired: notAfter < now,
    }));
  }
}
