import { describe, expect, it, jest } from '@jest/globals';
import type { DeliveryState, RetentionOptions } from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { HOLDER } from '../../support/app/canaries.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp, WebhookAppBuilder } from '../../support/app/webhook-app.js';
import { RetentionRepository } from '../../../src/retention/retention.repository.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

const DAY = 86_400_000;
const STATES = ['pending', 'processing', 'completed', 'dead', 'unhandled', 'discarded'] as const;
const REFERENCE = 'reference-of-a-person-8841';

/** What is left of each delivery. */
async function left(app: WebhookApp, ids: readonly string[]): Promise<string[]> {
  const found = await Promise.all(ids.map((id) => app.inbox.find(id)));
  return found.map((delivery) => (delivery ? `${delivery.state} ${delivery.contents}` : 'gone'));
}

describe.each(databases)('retention, on %s', (kind) => {
  const host = freshHost(kind);
  let clock: MovingClock;

  function start(retention: RetentionOptions, more = (app: WebhookAppBuilder) => app): Promise<WebhookApp> {
    clock = new MovingClock();
    const options = { retention: { interval: DAY * 20, ...retention }, processing: { enabled: false } };
    return host.start((app) => more(app.withClock(clock).withOptions(options)));
  }

  const beside = (): Promise<DataSource> => host.database.connect();

  /** Records a delivery, and puts it into a state that it came to so many days ago. */
  async function deliveryIn(app: WebhookApp, state: DeliveryState, daysAgo: number, more = {}): Promise<string> {
    const body = payload({ completedAt: null, ...more });
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'pending');
    const finishedAt = state === 'pending' || state === 'processing' ? null : Math.round(clock.now() - daysAgo * DAY);
    const old = Math.round(clock.now() - daysAgo * DAY);
    await (
      await beside()
    ).query(
      `UPDATE cr3dentials_webhook_delivery_state SET state = '${state}', finished_at = ${finishedAt}, next_attempt_at = ${state === 'pending' ? old : null}
       WHERE delivery_id = '${id}'`,
    );
    await (await beside()).query(`UPDATE cr3dentials_webhook_delivery SET received_at = ${old} WHERE id = '${id}'`);
    return id;
  }

  it('removes nothing unless it is asked', async () => {
    const app = await start({});
    expect(app.logger.matching(/^LOG Retention of what was received: none, everything is kept\./)).toHaveLength(1);
    const ids = [];
    for (const state of STATES) ids.push(await deliveryIn(app, state, 5_000));
    expect(await app.inbox.retention.run()).toEqual({ purged: 0, pruned: 0, rejections: 0 });
    expect(await left(app, ids)).toEqual(STATES.map((state) => `${state} readable`));
  });

  it.each([
    [
      { payload: '30d' },
      [
        'pending readable',
        'processing readable',
        'completed purged',
        'dead readable',
        'unhandled readable',
        'discarded purged',
      ],
    ],
    [
      { deliveries: '30d' },
      ['pending readable', 'processing readable', 'gone', 'dead readable', 'unhandled readable', 'gone'],
    ],
    [
      { undecided: '30d' },
      [
        'pending readable',
        'processing readable',
        'completed readable',
        'dead purged',
        'unhandled purged',
        'discarded readable',
      ],
    ],
  ] satisfies [RetentionOptions, string[]][])(
    'touches only the states that it may: %j',
    async (retention, expected) => {
      const app = await start(retention);
      const old = [];
      const young = [];
      for (const state of STATES) {
        old.push(await deliveryIn(app, state, 30.01));
        young.push(await deliveryIn(app, state, 29.9));
      }
      const preview = await app.inbox.retention.preview();
      expect(await left(app, old)).toEqual(STATES.map((state) => `${state} readable`));
      expect(await app.inbox.retention.run()).toEqual(preview);
      expect(preview.purged + preview.pruned).toBe(2);
      expect(await left(app, old)).toEqual(expected);
      expect(await left(app, young)).toEqual(STATES.map((state) => `${state} readable`));
      clock.advance(0.2 * DAY);
      await app.inbox.retention.run();
      expect(await left(app, young)).toEqual(expected);
    },
  );

  it('leaves of a purged delivery what duplicates and searches need', async () => {
    const app = await start({ payload: '30d' });
    const body = payload({ externalReferenceId: REFERENCE });
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'pending');
    await app.inbox.discard(id);
    clock.advance(31 * DAY);
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 1 });
    const stored = JSON.stringify(await (await beside()).query('SELECT raw_body FROM cr3dentials_webhook_delivery'));
    expect(stored).toBe('[{"raw_body":""}]');
    expect(await app.inbox.find(id)).toMatchObject({ rawBody: null, contents: 'purged', state: 'discarded' });
    expect(await app.inbox.list({ externalReferenceId: REFERENCE })).toMatchObject([{ id, contents: 'purged' }]);
    await app.post(body);
    expect(await app.delivery(body.sessionId, 'discarded')).toMatchObject({ duplicates: 1 });
    await app.post({ ...body, status: 'ERROR' });
    const [conflict] = await app.inbox.rejections.list();
    expect(conflict).toMatchObject({ reason: 'conflict' });
    expect(await app.inbox.rejections.accept(String(conflict?.id))).toBe('purged');
    expect(await app.inbox.replay(id)).toBe('purged');
    expect(await app.inbox.discard(id)).toBe('purged');
    expect(await app.inbox.find(id)).toMatchObject({ contents: 'purged', state: 'discarded' });
  });

  it('forgets a pruned session, and keeps its repetition as stale', async () => {
    const app = await start({ deliveries: '7d' });
    const body = payload({ completedAt: new Date(clock.now()).toISOString() });
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'pending');
    await app.inbox.discard(id);
    clock.advance(8 * DAY);
    expect(await app.inbox.retention.run()).toMatchObject({ pruned: 1 });
    for (const table of ['delivery', 'delivery_state', 'handler_run'])
      expect(await (await beside()).query(`SELECT * FROM cr3dentials_webhook_${table}`)).toEqual([]);
    expect((await app.post(body)).status).toBe(200);
    expect(await app.inbox.list()).toEqual([]);
    const [stale] = await app.rejections();
    expect(stale).toMatchObject({ reason: 'stale', sessionId: body.sessionId });
    expect(await app.inbox.rejections.accept(String(stale?.id))).toBe('accepted');
    await app.delivery(body.sessionId, 'pending');

    const fresh = payload({ completedAt: new Date(clock.now() - 5.9 * DAY).toISOString() });
    await app.post(fresh);
    await app.delivery(fresh.sessionId, 'pending');
  });

  it('deletes decided rejections by their last receipt, and open ones only if it is asked', async () => {
    const app = await start({ rejections: '30d' });
    for (const status of ['A', 'B', 'C', 'D']) await app.post(payload({ status, completedAt: null }));
    const [d, c, b] = await app.inbox.rejections.list();
    for (const one of [d, c, b]) await app.inbox.rejections.discard(String(one?.id));
    clock.advance(29 * DAY);
    const connection = await beside();
    await connection.query(
      `UPDATE cr3dentials_webhook_rejection SET last_received_at = ${clock.now()} WHERE id = '${c?.id}'`,
    );
    clock.advance(2 * DAY);
    expect(await app.inbox.retention.preview()).toMatchObject({ rejections: 2 });
    expect(await app.inbox.retention.run()).toMatchObject({ rejections: 2 });
    expect(await app.inbox.rejections.list({ state: 'open' })).toHaveLength(1);
    expect((await app.inbox.rejections.list({ state: 'discarded' })).map(({ id }) => id)).toEqual([c?.id]);
    await host.stop(app);

    const asked = await start({ undecided: '30d' });
    clock.advance(31 * DAY);
    expect(await asked.inbox.retention.run()).toMatchObject({ rejections: 1 });
    expect(await asked.inbox.rejections.list({ state: 'open' })).toEqual([]);
  });

  it('leaves a delivery alone that was replayed between its look and its removal', async () => {
    const app = await start({ payload: '30d' });
    const ids = [await deliveryIn(app, 'discarded', 40), await deliveryIn(app, 'discarded', 39)];
    const repository = app.nest.get(RetentionRepository, { strict: false });
    const removable = repository.removable.bind(repository);
    repository.removable = async (...given) => {
      const found = await removable(...given);
      await app.inbox.replay(String(ids[0]));
      return found;
    };
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 1 });
    expect(await left(app, ids)).toEqual(['pending readable', 'discarded purged']);
    repository.removable = removable;
    await app.inbox.discard(String(ids[0]));
    clock.advance(31 * DAY);
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 1 }); // it is due again, by its later end
  });

  it('goes on from where it was, and begins again for a shorter time', async () => {
    const app = await start({ payload: '30d' });
    const ids: string[] = [];
    for (let n = 0; n < 30; n++) ids.push(await deliveryIn(app, 'completed', 60 - n));
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 30 });
    const removable = jest.spyOn(app.nest.get(RetentionRepository, { strict: false }), 'removable');
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 0 });
    expect(removable.mock.calls[0]?.[1]).toBeGreaterThan(0); // it reads nothing twice
    const later = await deliveryIn(app, 'completed', 30.5);
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 1 });
    const young = await deliveryIn(app, 'completed', 10);
    await host.stop(app);
    const shorter = await start({ payload: '5d' });
    expect(await shorter.inbox.retention.run()).toMatchObject({ purged: 1 });
    expect(await left(shorter, [later, young])).toEqual(['completed purged', 'completed purged']);
  });

  it('goes through those that stay in windows, and never again', async () => {
    const app = await start({ undecided: '30d' });
    const id = await deliveryIn(app, 'dead', 31);
    const connection = await beside();
    const before = Math.round(clock.now() - 40 * DAY);
    const rows = Array.from(
      { length: 11_000 },
      (_, n) => `('${String(n).padStart(36, '0')}', 'completed', ${before + n})`,
    );
    const insert = 'INSERT INTO cr3dentials_webhook_delivery_state (delivery_id, state, finished_at) VALUES ';
    for (let n = 0; n < rows.length; n += 500) await connection.query(insert + rows.slice(n, n + 500).join());
    expect(await app.inbox.retention.preview()).toMatchObject({ purged: 1 });
    const removable = jest.spyOn(app.nest.get(RetentionRepository, { strict: false }), 'removable');
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 1 });
    const windows = new Set(removable.mock.calls.map(([, , end]) => end));
    expect(windows.size).toBe(3);
    expect(await left(app, [id])).toEqual(['dead purged']);
    removable.mockClear();
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 0 });
    expect(new Set(removable.mock.calls.map(([, , end]) => end)).size).toBe(1);
  });

  it('is done by one instance at a time, by itself, and says when', async () => {
    const retention = { payload: '30d', interval: 50 } as const;
    const clocks = new MovingClock();
    const apps: WebhookApp[] = [];
    for (let n = 0; n < 3; n++)
      apps.push(await host.start((a) => a.withClock(clocks).withHandlers(RememberEvents).withOptions({ retention })));
    const [app] = apps as [WebhookApp];
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    clocks.advance(31 * DAY);
    await until('it is purged', async () => (await app.delivery(body.sessionId, 'completed')).contents === 'purged');
    const stats = await until('it says so', async () => {
      const { retention: status } = await app.inbox.stats();
      return status.lastSuccessAt !== null ? status : undefined;
    });
    expect(stats.failures).toBe(0);
  });

  it('is done by one instance at a time by hand, too', async () => {
    const one = await start({ payload: '30d' });
    const id = await deliveryIn(one, 'completed', 40);
    const options = { retention: { payload: '30d', interval: DAY * 20 }, processing: { enabled: false } } as const;
    const two = await host.start((app) => app.withClock(clock).withOptions(options));
    const repository = one.nest.get(RetentionRepository, { strict: false });
    const removable = repository.removable.bind(repository);
    let meanwhile: unknown;
    repository.removable = async (...given) => {
      meanwhile ??= await two.inbox.retention.run();
      return removable(...given);
    };
    expect(await one.inbox.retention.run()).toMatchObject({ purged: 1 });
    expect(meanwhile).toBe('busy');
    expect(await two.inbox.retention.run()).toMatchObject({ purged: 0 });
    expect(await left(two, [id])).toEqual(['completed purged']);
  });

  it('keeps a delivery that finished again after it was selected', async () => {
    const app = await start({ payload: '30d', deliveries: '30d' });
    const id = await deliveryIn(app, 'completed', 40);
    const repository = app.nest.get(RetentionRepository, { strict: false });
    const cutoff = Math.round(clock.now() - 30 * DAY);
    expect(await repository.removable('purge', 0, cutoff, 10)).toHaveLength(1);
    await (
      await beside()
    ).query(
      `UPDATE cr3dentials_webhook_delivery_state SET finished_at = ${Math.round(clock.now())} WHERE delivery_id = '${id}'`,
    );
    expect(await repository.purge('purge', [id], cutoff, Math.round(clock.now()))).toEqual(new Set());
    expect(await repository.prune('prune', [id], cutoff)).toEqual(new Set());
    expect(await left(app, [id])).toEqual(['completed readable']);
  });

  it('fails loudly, and goes on', async () => {
    const app = await start({ payload: '30d' });
    const id = await deliveryIn(app, 'completed', 40);
    const connection = await beside();
    await connection.query('ALTER TABLE cr3dentials_webhook_handler_run RENAME TO elsewhere');
    for (let times = 1; times <= 3; times++) await expect(app.inbox.retention.run()).rejects.toThrow(/handler_run/);
    expect(app.logger.matching(/^WARN Retention failed, will retry/)).toHaveLength(2);
    expect(app.logger.matching(/^ERROR Retention failed 3 times in a row/)).toHaveLength(1);
    expect((await app.inbox.stats()).retention).toMatchObject({ lastSuccessAt: null, failures: 3 });
    await connection.query('ALTER TABLE elsewhere RENAME TO cr3dentials_webhook_handler_run');
    expect(await left(app, [id])).toEqual(['completed readable']);
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 1 });
    expect((await app.inbox.stats()).retention).toMatchObject({ failures: 0 });
  });

  it('takes the contents out of the table', async () => {
    const app = await start({ payload: '30d' });
    for (let n = 0; n < 5; n++) await deliveryIn(app, 'completed', 40, { externalReferenceId: null });
    await app.inbox.retention.run();
    const connection = await beside();
    expect(JSON.stringify(await connection.query('SELECT * FROM cr3dentials_webhook_delivery'))).not.toContain(HOLDER);
  });
});
