import { describe, expect, it } from '@jest/globals';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost, receiveOnce, type Configure } from '../../support/app/fresh-host.js';
import { inPlainText, keyOf, sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

const post = (app: WebhookApp) => app.post(payload({ externalReferenceId: 'somebody' }));

describe.each(databases)('the keys of an inbox, on %s', (kind) => {
  const host = freshHost(kind);
  const once = <T>(configure: Configure, act: (app: WebhookApp) => Promise<T>) => receiveOnce(host, configure, act);

  const keyRows = async () =>
    (await host.database.connect()).query<{ key_id: string; lookup: string }[]>(
      'SELECT key_id, lookup FROM cr3dentials_webhook_key ORDER BY key_id',
    );

  it('may be missing: what they sealed waits, with one line and no attempt used, and the rest flows', async () => {
    const old = payload();
    await once(sealedWith(['old']), (app) => app.post(old));
    await once(sealedWith(['new', 'old']), (app) => app.post(payload())); // both are registered
    const clock = new MovingClock();
    const app = await host.start((a) => sealedWith(['new'])(a).withClock(clock).withHandlers(RememberEvents));
    expect(app.logger.matching(/^ERROR The inbox was sealed with the key "old", which is not configured/)).toHaveLength(
      1,
    );
    const fresh = payload();
    expect((await app.post(fresh)).status).toBe(200);
    await app.delivery(fresh.sessionId, 'completed');
    const waits = () =>
      until('it waits', async () => Number((await app.delivery(old.sessionId, 'pending')).nextAttemptAt) > clock.now());
    for (let times = 0; times < 3; times++) {
      await waits();
      clock.advance(61_000);
    }
    await waits();
    expect(app.logger.matching(/^ERROR KEY_MISSING: .* "old", 1 time\./).length).toBeGreaterThan(0);
    expect(app.nest.get(RememberEvents).of(old.sessionId)).toEqual([]);
    expect(await app.delivery(old.sessionId, 'pending')).toMatchObject({
      contents: 'key-missing',
      dispatches: 0,
      runs: [],
    });
    expect((await app.inbox.list({ state: 'pending' })).map(({ contents }) => contents)).toEqual(['key-missing']);
    await host.stop(app);

    const back = await host.start((a) => sealedWith(['new', 'old'])(a).withClock(clock).withHandlers(RememberEvents));
    clock.advance(61_000);
    await back.delivery(old.sessionId, 'completed');
    expect(back.nest.get(RememberEvents).of(old.sessionId)).toHaveLength(1);
  });

  it('stop the boot when one has other bytes, before anything is written', async () => {
    await once(sealedWith(['k-1']), (app) => app.post(payload()));
    const before = await keyRows();
    const wrong = { id: 'k-1', value: keyOf('other').value };
    await expect(
      host.start((a) => a.withOptions({ encryption: { keys: [keyOf('k-2'), wrong], current: 'k-2' } })),
    ).rejects.toMatchObject({ code: 'KEY_MISMATCH', message: expect.stringMatching(/^Key "k-1" is not the one/) });
    expect(await keyRows()).toEqual(before);
    await once(sealedWith(['k-1']), async () => {}); // the control
  });

  it('stop the boot when none of them is known to the inbox', async () => {
    await once(sealedWith(['k-1']), (app) => app.post(payload()));
    await expect(host.start(sealedWith(['k-2']))).rejects.toMatchObject({
      code: 'KEYS_UNKNOWN',
      message: expect.stringContaining('sealed with the keys "k-1"'),
    });
    await once(sealedWith(['k-2', 'k-1']), async () => {});
    await once(sealedWith(['k-2']), async () => {}); // it was beside the old one for a start
  });

  it('share one secret for lookups, although two instances make it at the same time', async () => {
    await once(inPlainText, async () => {});
    const apps = await Promise.all([1, 2, 3].map(() => host.start(sealedWith(['k-1', 'k-2']))));
    expect((await keyRows()).map(({ key_id: id }) => id)).toEqual(['k-1', 'k-2']);
    const body = payload();
    for (const app of apps) expect((await app.post(body)).status).toBe(200);
    for (const app of apps) expect(await app.inbox.list({ externalReferenceId: 'user_abc123' })).toHaveLength(1);
    expect(await apps[0]?.rejections()).toEqual([]); // a fingerprint under another secret would be a conflict
  });

  it('do not change which POST is a duplicate: before encryption, with each key, and after one was removed', async () => {
    const body = payload();
    const other = { ...body, status: 'ERROR' };
    const steps: Configure[] = [
      inPlainText,
      sealedWith(['k-1'], { current: null, plaintext: 'accept' }),
      sealedWith(['k-1'], { plaintext: 'accept' }),
      sealedWith(['k-2', 'k-1'], { plaintext: 'accept' }),
      sealedWith(['k-2'], { plaintext: 'accept' }),
    ];
    for (const [index, step] of steps.entries())
      await once(step, async (app) => {
        expect((await app.post(body)).status).toBe(200);
        expect((await app.post(other)).status).toBe(200);
        const found = await app.delivery(body.sessionId, 'pending');
        expect(found).toMatchObject({ status: 'COMPLETED', duplicates: index });
        expect(await app.inbox.list()).toHaveLength(1);
        expect((await app.inbox.rejections.list({ reason: 'conflict' })).length).toBeGreaterThan(0);
      });
    const sealed = payload();
    for (const ids of [['k-2'], ['k-3', 'k-2'], ['k-3']])
      await once(sealedWith(ids, { plaintext: 'accept' }), async (app) => {
        expect((await app.post(sealed)).status).toBe(200);
        expect(await app.inbox.rejections.list({ reason: 'conflict', state: 'open' })).toHaveLength(2); // of before
      });
  });

  it('find a reference in rows of every key, and in plain ones', async () => {
    await once(inPlainText, post);
    await once(sealedWith(['k-1']), post);
    await once(sealedWith(['k-2', 'k-1']), post);
    await once(sealedWith(['k-3', 'k-2']), async (app) => {
      await post(app);
      expect(await app.inbox.list({ externalReferenceId: 'somebody' })).toHaveLength(4);
      expect(await app.inbox.list({ externalReferenceId: 'somebody', tenant: 'another' })).toEqual([]);
      expect(await app.inbox.list({ externalReferenceId: 'some' })).toEqual([]);
    });
  });

  it('may be configured and not used: plain text is written, with a warning at each boot', async () => {
    await once(sealedWith(['k-1'], { current: null, plaintext: 'accept' }), async (app) => {
      await app.post(payload());
      expect(app.logger.matching(/^WARN encryption.current is null/)).toHaveLength(1);
      expect(await app.inbox.encryption.status()).toMatchObject({ current: null, plain: 1 });
    });
  });

  it('may be gone altogether: what is sealed waits, and duplicates of it are kept', async () => {
    const body = payload();
    await once(sealedWith(['k-1']), (app) => app.post(body));
    const app = await host.start((a) => inPlainText(a).withHandlers(RememberEvents));
    await until('it was tried', () => app.logger.matching(/^ERROR KEY_MISSING: .*"k-1"/)[0]);
    expect((await app.post(body)).status).toBe(200);
    expect(await app.inbox.rejections.list()).toMatchObject([{ reason: 'conflict' }]);
    expect(app.nest.get(RememberEvents).events).toEqual([]);
    const fresh = payload();
    await app.post(fresh);
    await app.delivery(fresh.sessionId, 'completed');
  });
});
