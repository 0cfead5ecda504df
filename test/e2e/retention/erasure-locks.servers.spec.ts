import { describe, expect, it } from '@jest/globals';
import { ErasureSweeper } from '../../../src/retention/erasure.sweeper.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { from, withTenants } from '../../support/app/tenant-keys.js';
import { servers } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const HOUR_MS = 3_600_000;

describe.each(servers)('an erasure of rows that somebody has locked, on %s', (kind) => {
  const host = freshHost(kind);

  it('says that it is not finished, and is gone on with', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY).withClock(clock));
    const sweeper = app.nest.get(ErasureSweeper, { strict: false });
    const body = payload();
    await app.post(body);
    await app.post({ ...body, status: 'NEW' });
    const { id } = await app.delivery(body.sessionId, 'pending');
    const runner = (await host.database.connect()).createQueryRunner();
    await runner.startTransaction();
    await runner.query(`UPDATE cr3dentials_webhook_delivery_state SET dispatches = 0 WHERE delivery_id = '${id}'`);
    await runner.query(`UPDATE cr3dentials_webhook_rejection SET repeats = 7`);
    const erasure = await app.inbox.erase({ sessionId: String(body.sessionId) }, { wait: 0 });
    expect(erasure).toMatchObject({ state: 'requested', deliveries: 0, rejections: 0, finishedAt: null });
    expect(app.logger.matching(/^WARN Erasure .* is not finished: somebody has locked rows/)).toHaveLength(1);
    clock.advance(HOUR_MS);
    await sweeper.run();
    expect(await app.inbox.erasures.list()).toMatchObject([{ state: 'requested' }]);
    await runner.rollbackTransaction();
    await runner.release();
    clock.advance(HOUR_MS);
    await sweeper.run();
    expect(await app.inbox.erasures.list()).toMatchObject([{ state: 'done', deliveries: 1, rejections: 1 }]);
    await app.delivery(body.sessionId, 'erased');
  });

  it('is not finished while a tombstone has the name of the tenant still', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => withTenants(a).withOptions(RECEIVE_ONLY).withClock(clock));
    const body = payload();
    await app.post(body, from('anna'));
    await app.inbox.erase({ sessionId: String(body.sessionId), tenant: 'anna' });
    const runner = (await host.database.connect()).createQueryRunner();
    await runner.startTransaction();
    await runner.query('UPDATE cr3dentials_webhook_delivery SET received_at = 0');
    expect(await app.inbox.erase({ tenant: 'anna' }, { wait: 0 })).toMatchObject({ state: 'requested' });
    await runner.rollbackTransaction();
    await runner.release();
    clock.advance(HOUR_MS);
    await app.nest.get(ErasureSweeper, { strict: false }).run();
    const states = (await app.inbox.erasures.list()).map(({ state }) => state);
    expect(states).toEqual(['done', 'swept']);
    expect(await (await host.database.connect()).query('SELECT tenant FROM cr3dentials_webhook_delivery')).toEqual([
      { tenant: '' },
    ]);
  });
});
