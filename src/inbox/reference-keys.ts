import { Injectable } from '@nestjs/common';
import { withTimeout } from '../concurrency/with-timeout.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { PayloadCodec } from './payload.codec.js';

/** Tenants whose keys are asked for at the same time. */
const MAX_AT_ONCE = 8;

/** Has what references are searched by at hand, in a sealed inbox. Writes nothing. */
@Injectable()
export class ReferenceKeys {
  constructor(private readonly codec: PayloadCodec) {}

  /**
   * Opens what references of these tenants are found by, a few tenants at a time. Resolves to the error of one that
   * cannot be searched; undefined if all can be.
   */
  async open(tenants: readonly string[], timeoutMs: number): Promise<Cr3dentialsWebhookError | undefined> {
    const endsAt = performance.now() + timeoutMs;
    const queue = tenants.values();
    let failure: Cr3dentialsWebhookError | undefined;
    const openNext = async () => {
      for (const tenant of queue) failure = (await this.openOne(tenant, endsAt - performance.now())) ?? failure;
    };
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, openNext));
    return failure;
  }

  /** Opens those among many tenants for which something is sealed. The others need no key. */
  async openSealed(tenants: readonly string[], timeoutMs: number): Promise<Cr3dentialsWebhookError | undefined> {
    return this.open(await this.codec.sealedAmong(tenants), timeoutMs);
  }

  private async openOne(tenant: string, timeoutMs: number): Promise<Cr3dentialsWebhookError | undefined> {
    if (timeoutMs <= 0) return tooSlow();
    try {
      await withTimeout(Promise.resolve(this.codec.prepareLookup(tenant)), timeoutMs, tooSlow);
      return undefined;
    } catch (error) {
      if (error instanceof Cr3dentialsWebhookError) return error;
      throw error;
    }
  }
}

function tooSlow(): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'KEYS_UNAVAILABLE',
    'The key provider did not give the keys of all tenants in time. Search again, or name the tenant.',
  );
}
