import { describe, expect, it } from '@jest/globals';
import type { EncryptionKey } from 'nestjs-cr3dentials-webhook';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { keyOf } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { from, TenantKeys, withKeysOf } from '../../support/app/tenant-keys.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

describe.each(databases)('a key provider, on %s', (kind) => {
  const host = freshHost(kind);

  it('seals what each tenant sends with a key of its own', async () => {
    const provider = new TenantKeys();
    const app = await host.start(withKeysOf(provider));
    const bodies = { anna: payload(), berta: payload() };
    for (const tenant of ['anna', 'berta'] as const) {
      expect((await app.post(bodies[tenant], from(tenant))).status).toBe(200);
      expect((await app.post(bodies[tenant], from(tenant))).status).toBe(200);
      await app.delivery(bodies[tenant].sessionId, 'completed', tenant);
      expect(await app.inbox.list({ tenant, externalReferenceId: 'user_abc123' })).toHaveLength(1);
    }
    expect(await app.rejections()).toEqual([]);
    const beside = await host.database.connect();
    const rows = await beside.query<{ key_id: string; reference_key: string }[]>(
      'SELECT key_id, reference_key FROM cr3dentials_webhook_delivery ORDER BY key_id',
    );
    expect(rows.map(({ key_id: id }) => id)).toEqual(['anna-1', 'berta-1']);
    expect(rows[0]?.reference_key).not.toBe(rows[1]?.reference_key);
  });

  it('that is down has POSTs answered 503, and nothing is stored', async () => {
    const provider = new TenantKeys();
    provider.isDown = true;
    const app = await host.start(withKeysOf(provider));
    const body = payload();
    expect((await app.post(body, from('anna'))).status).toBe(503);
    expect((await app.post(payload({ status: 'NEW' }), from('anna'))).status).toBe(503);
    expect(await app.inbox.list()).toEqual([]);
    expect(await app.inbox.rejections.list()).toEqual([]);
    const search = app.inbox.list({ tenant: 'anna', externalReferenceId: 'user_abc123' });
    await expect(search).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' }); // no answer, rather than half of one
    expect(app.logger.matching(/^ERROR The key provider failed 1 time/)).toHaveLength(1);
    expect(app.logger.matching(/^ERROR Answered 503 to 1 POST.*The key provider gave no key/).length).toBeGreaterThan(
      0,
    );
    await host.stop(app);
    provider.isDown = false;
    const again = await host.start(withKeysOf(provider));
    expect((await again.post(body, from('anna'))).status).toBe(200);
    await again.delivery(body.sessionId, 'completed', 'anna');
  });

  it('that rotates keeps lookups as they were', async () => {
    const provider = new TenantKeys();
    const body = payload();
    const first = await host.start(withKeysOf(provider));
    await first.post(body, from('anna'));
    await first.delivery(body.sessionId, 'completed', 'anna');
    await host.stop(first);
    provider.month = 2;
    const second = await host.start(withKeysOf(provider));
    await second.post(body, from('anna'));
    const next = payload();
    await second.post(next, from('anna'));
    await second.delivery(next.sessionId, 'completed', 'anna');
    expect(await second.inbox.list({ tenant: 'anna', externalReferenceId: 'user_abc123' })).toHaveLength(2);
    expect(await second.rejections()).toEqual([]);
    expect(await second.inbox.encryption.reseal()).toBe('done');
    const { keys } = await second.inbox.encryption.status();
    expect(keys.map(({ id, deliveries }) => `${id} ${deliveries}`)).toEqual(['anna-1 0', 'anna-2 2']);
  });

  it('that rotates while an app runs is known by its new key, too', async () => {
    const provider = new TenantKeys();
    const app = await host.start(withKeysOf(provider, { refreshAfter: 1 }));
    const body = payload();
    await app.post(body, from('anna'));
    provider.month = 2;
    const idsOf = async () => (await app.inbox.encryption.status()).keys.map(({ id }) => id);
    await until('the new key is registered', async () => {
      expect((await app.post(payload(), from('anna'))).status).toBe(200);
      return (await idsOf()).includes('anna-2');
    });
    await app.post(body, from('anna'));
    expect(await app.rejections()).toEqual([]);
    await host.stop(app);
    // What the old key has sealed is gone, and so is the old key. The new one opens what it needs.
    provider.destroyed.add('anna-1');
    const next = await host.start(withKeysOf(provider));
    expect((await next.post(payload(), from('anna'))).status).toBe(200);
  });

  it('that has destroyed all keys of a tenant has it begin anew, and holds up no reseal of another', async () => {
    const provider = new TenantKeys();
    const first = await host.start(withKeysOf(provider));
    const bodies = { anna: payload(), berta: payload() };
    for (const tenant of ['anna', 'berta'] as const) {
      await first.post(bodies[tenant], from(tenant));
      await first.delivery(bodies[tenant].sessionId, 'completed', tenant);
    }
    await host.stop(first);
    provider.month = 2;
    for (const id of ['berta-1', 'berta-2']) provider.destroyed.add(id);
    const second = await host.start(withKeysOf(provider));
    const progress: number[] = [];
    const onProgress = ({ unreadable }: { unreadable: number }) => progress.push(unreadable);
    expect(await second.inbox.encryption.reseal({ onProgress })).toBe('done');
    expect(progress.at(-1)).toBe(1);
    const beside = await host.database.connect();
    const rows = await beside.query<{ key_id: string }[]>(
      'SELECT key_id FROM cr3dentials_webhook_delivery ORDER BY key_id',
    );
    expect(rows.map(({ key_id: id }) => id)).toEqual(['anna-2', 'berta-1']);
    await host.stop(second);
    provider.month = 3;
    const third = await host.start(withKeysOf(provider));
    expect((await third.post(payload(), from('berta'))).status).toBe(200);
  });

  it('that gives other bytes for a known id has POSTs answered 503', async () => {
    const first = await host.start(withKeysOf(new TenantKeys()));
    await first.post(payload(), from('anna'));
    await host.stop(first);
    class Wrong extends TenantKeys {
      override async key(id: string): Promise<EncryptionKey> {
        await Promise.resolve();
        return { id, value: keyOf('other').value };
      }
    }
    const second = await host.start(withKeysOf(new Wrong()));
    expect((await second.post(payload(), from('anna'))).status).toBe(503);
    expect(second.logger.matching(/Key "anna-1" is not the one this inbox was sealed with/)).not.toEqual([]);
    expect(await second.inbox.list()).toHaveLength(1);
  });

  it('whose key is missing has the delivery wait, and the others flow', async () => {
    const provider = new TenantKeys();
    const clock = new MovingClock();
    const receiving = await host.start((a) => withKeysOf(provider)(a).withOptions({ processing: { enabled: false } }));
    const body = payload();
    await receiving.post(body, from('anna'));
    provider.isDown = true;
    const app = await host.start((a) => withKeysOf(provider)(a).withClock(clock));
    await until('it was tried', () => app.logger.matching(/^ERROR KEY_MISSING: .*"anna-1"/)[0]);
    expect(app.nest.get(RememberEvents).events).toEqual([]);
    expect(await app.delivery(body.sessionId, 'pending', 'anna')).toMatchObject({ contents: 'key-missing' });
  });
});
