import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { BulkRepository } from '../../../src/inbox/bulk.repository.js';
import { TaskRow } from '../../../src/inbox/task.entity.js';
import { TaskRepository } from '../../../src/inbox/task.repository.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const MINUTE = 60_000;

describe.each(databases)('leases that were given before the clock was set back, on %s', (kind) => {
  const host = freshHost(kind);

  it('do not keep a task from others until the clock comes there again', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withClock(clock));
    const tasks = app.nest.get(TaskRepository, { strict: false });
    const first = await tasks.take('reseal', MINUTE);
    expect(await tasks.take('reseal', MINUTE)).toBeUndefined();
    clock.advance(-5 * MINUTE);
    expect(await tasks.take('reseal', MINUTE)).toBeUndefined();
    clock.advance(-60 * MINUTE);
    const second = await tasks.take('reseal', MINUTE);
    expect(second).toBeDefined();
    expect(first && (await tasks.renew(first, MINUTE, null))).toBe(false);
    const stored = await app.nest.get(DataSource).getRepository(TaskRow).findOneByOrFail({ name: 'reseal' });
    expect(Number(stored.leaseExpiresAt)).toBeLessThanOrEqual(clock.now() + MINUTE);
  });

  it('do not keep a bulk operation from others', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withClock(clock).withOptions(RECEIVE_ONLY));
    await app.post(payload());
    const selection = { state: 'pending', receivedBetween: [0, clock.now() + 1] } as const;
    const preview = await app.inbox.bulk.preview({ action: 'discard', selection });
    const { asOf, count: expected } = preview;
    await app.inbox.bulk.start({ action: 'discard', selection, asOf, expected, by: 'me', reason: 'A test.' });
    const bulks = app.nest.get(BulkRepository, { strict: false });
    expect(await bulks.claim('one', MINUTE)).toBeDefined();
    expect(await bulks.claim('another', MINUTE)).toBeUndefined();
    clock.advance(-60 * MINUTE);
    expect(await bulks.claim('another', MINUTE)).toMatchObject({ instance: 'another' });
  });
});
