import { describe, expect, it } from '@jest/globals';
import type { EncryptionKey } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { TenantKeys, withKeysOf } from '../../support/app/tenant-keys.js';
import type { WebhookApp, WebhookAppBuilder } from '../../support/app/webhook-app.js';
import { as, ask, dashboard } from '../../support/dashboard/dashboard-app.js';
import { databases } from '../../support/database/databases.js';

/** A key service that has lost the keys of some tenants. */
class LosingKeys extends TenantKeys {
  readonly lost = new Set<string>();
  readonly asked: string[] = [];
  mostAtOnce = 0;
  #atOnce = 0;

  override async currentKey(tenant: string): Promise<EncryptionKey> {
    this.asked.push(tenant);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    await sleep(5).finally(() => this.#atOnce--);
    if (this.lost.has(tenant)) throw new Error('This tenant has no key.');
    return super.currentKey(tenant);
  }
}

async function recorded(app: WebhookApp, tenant: string): Promise<string> {
  const body = payload({ externalReferenceId: `reference of ${tenant}` });
  await app.inbox.ingest(body, { tenant });
  return String((await app.inbox.find({ tenant, sessionId: String(body.sessionId) }))?.id);
}

async function found(app: WebhookApp, body: { value: string; tenant?: string }): Promise<unknown> {
  const answer = await ask(app, '/api/find', as('alice', { body }));
  if (answer.status !== 200) return [answer.status, (answer.body as { code: string }).code];
  return (answer.body as { deliveries: { id: string }[] }).deliveries.map(({ id }) => id);
}

describe.each(databases)('a search of the page in a sealed inbox, on %s', (kind) => {
  const host = freshHost(kind);

  async function started(keys: LosingKeys): Promise<WebhookApp> {
    const app = (a: WebhookAppBuilder) => withKeysOf(keys)(a).withOptions(RECEIVE_ONLY).importing(dashboard());
    return host.start(app);
  }

  it('leaves out a tenant whose key cannot be had, and says so where it finds nothing', async () => {
    const keys = new LosingKeys();
    const first = await started(keys);
    const [acme, globex] = [await recorded(first, 'acme'), await recorded(first, 'globex')];
    await host.stop(first);
    keys.lost.add('globex');
    const app = await started(keys);
    const refused = [503, 'INBOX_UNAVAILABLE'];
    expect(await found(app, { value: acme })).toEqual([acme]);
    expect(await found(app, { value: globex })).toEqual([globex]); // an id needs no key
    expect(await found(app, { value: 'reference of acme' })).toEqual([acme]);
    expect(await found(app, { value: 'reference of globex' })).toEqual(refused);
    expect(await found(app, { value: 'reference of globex', tenant: 'globex' })).toEqual(refused);
    expect(await found(app, { value: globex, tenant: 'globex' })).toEqual(refused);
    expect(await found(app, { value: 'reference of nobody', tenant: 'acme' })).toEqual([]);
    const search = app.inbox.list({ tenant: 'globex', externalReferenceId: 'reference of globex' });
    await expect(search).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
  });

  it('asks for the keys of a few tenants at a time, and only of those of whom something is sealed', async () => {
    const keys = new LosingKeys();
    const plain = await host.start((a) => a.withOptions({ ...RECEIVE_ONLY, encryption: undefined }));
    await recorded(plain, 'initech');
    await host.stop(plain);
    const tenants = Array.from({ length: 20 }, (_, n) => `tenant-${n}`);
    const first = await started(keys);
    for (const tenant of tenants) await recorded(first, tenant);
    await host.stop(first);
    Object.assign(keys, { asked: [], mostAtOnce: 0 });
    const app = await started(keys);
    expect(await found(app, { value: uuidv7() })).toEqual([]);
    expect(keys.asked.toSorted()).toEqual(tenants.toSorted());
    expect(keys.mostAtOnce).toBe(8);
  });

  it('writes nothing for a tenant of whom nothing is sealed', async () => {
    const app = await started(new LosingKeys());
    const beside = await host.database.connect();
    const secrets = () => beside.query<object[]>('SELECT tenant FROM cr3dentials_webhook_key');
    expect(await found(app, { value: 'a reference', tenant: 'acme' })).toEqual([]);
    expect(await app.inbox.list({ tenant: 'acme', externalReferenceId: 'a reference' })).toEqual([]);
    await app.inbox.erase({ tenant: 'acme', externalReferenceId: 'a reference' }, { dryRun: true });
    expect(await secrets()).toEqual([]);

    const id = await recorded(app, 'acme'); // whose secret is made now
    expect(await secrets()).toEqual([{ tenant: 'acme' }]);
    expect(await found(app, { value: 'reference of acme' })).toEqual([id]);
  });

  it('opens a secret that the next receipt still copies to the current key', async () => {
    const keys = new LosingKeys();
    const first = await started(keys);
    const old = await recorded(first, 'acme');
    await host.stop(first);
    keys.month = 2;
    const app = await started(keys);
    expect(await found(app, { value: 'reference of acme' })).toEqual([old]);
    await recorded(app, 'acme');
    const beside = await host.database.connect();
    expect(await beside.query<object[]>('SELECT key_id FROM cr3dentials_webhook_key ORDER BY key_id')).toEqual([
      { key_id: 'acme-1' },
      { key_id: 'acme-2' },
    ]);
  });
});
