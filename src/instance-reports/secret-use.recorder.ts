import { Injectable } from '@nestjs/common';
import { SecretUses } from '../authentication/secret.uses.js';
import { Clock } from '../clock.js';
import type { SecretUseRow } from '../inbox/secret-use.entity.js';

const MAX_ID_LENGTH = 255;

/** Knows which uses of secrets on this instance are not written yet. */
@Injectable()
export class SecretUseRecorder {
  readonly #written = new Map<string, number>();

  constructor(
    private readonly uses: SecretUses,
    private readonly clock: Clock,
  ) {}

  /** Returns the secrets that were used since their use was last written. */
  pending(): SecretUseRow[] {
    const now = this.clock.now();
    return this.uses.counted().flatMap(({ id, tenant, lastUsedAt, notAfter }) => {
      const secret = id.slice(0, MAX_ID_LENGTH);
      if (lastUsedAt === null || this.#written.get(`${tenant}\0${secret}`) === lastUsedAt) return [];
      const at = Math.min(lastUsedAt, now);
      return [{ tenant, secret, firstUsedAt: at, lastUsedAt: at, lastExpiredUseAt: lastUsedAt > notAfter ? at : null }];
    });
  }

  written(uses: readonly SecretUseRow[]): void {
    for (const { tenant, secret, lastUsedAt } of uses) this.#written.set(`${tenant}\0${secret}`, lastUsedAt);
    const known = new Set(this.uses.counted().map(({ id, tenant }) => `${tenant}\0${id.slice(0, MAX_ID_LENGTH)}`));
    for (const key of this.#written.keys()) if (!known.has(key)) this.#written.delete(key);
  }
}
