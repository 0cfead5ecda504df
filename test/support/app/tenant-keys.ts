import { KeyProvider, type EncryptionKey } from 'nestjs-cr3dentials-webhook';
import { RememberEvents } from './doubles.js';
import { keyOf } from './keys.js';
import type { WebhookAppBuilder } from './webhook-app.js';

/** A key service with a key for each tenant. */
export class TenantKeys extends KeyProvider {
  isDown = false;
  readonly destroyed = new Set<string>();
  month = 1;

  async currentKey(tenant: string): Promise<EncryptionKey> {
    const key = await this.key(`${tenant}-${this.month}`);
    if (!key) throw new Error('destroyed');
    return key;
  }

  async key(id: string): Promise<EncryptionKey | null> {
    await Promise.resolve();
    if (this.isDown) throw new Error('The key service is down.');
    return this.destroyed.has(id) ? null : keyOf(id);
  }
}

/** One that can destroy the keys of a tenant. */
export class ShreddableKeys extends TenantKeys {
  override destroy(tenant: string): Promise<void> {
    for (let month = 1; month <= this.month; month++) this.destroyed.add(`${tenant}-${month}`);
    return Promise.resolve();
  }
}

const SECRETS = { anna: 'secret-of-anna-123456', berta: 'secret-of-berta-123456' };

/** Has two tenants, which a header tells. */
export function withTenants(app: WebhookAppBuilder): WebhookAppBuilder {
  return app.withOptions({
    auth: {
      resolveSecrets: ({ headers }) => {
        const tenant = String(headers['x-tenant']) as keyof typeof SECRETS;
        return { tenant, secrets: [SECRETS[tenant]] };
      },
    },
  });
}

/** Has two tenants with keys of their own, and remembers their events. */
export const withKeysOf = (provider: KeyProvider, cache?: { refreshAfter: number }) => (app: WebhookAppBuilder) =>
  withTenants(app)
    .withHandlers(RememberEvents)
    .withOptions({ encryption: { keyProvider: provider, cache } });

export const from = (tenant: keyof typeof SECRETS) => ({
  headers: { 'x-tenant': tenant, 'x-api-key': SECRETS[tenant] },
});
