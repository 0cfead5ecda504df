import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ErasureSweeper } from '../../../src/retention/erasure.sweeper.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { from, ShreddableKeys, withKeysOf } from '../../support/app/tenant-keys.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const HOUR_MS = 3_600_000;

function sweep(app: WebhookApp): Promise<void> {
  return app.nest.get(ErasureSweeper, { strict: false }).run();
}

describe.each(databases)('the second look at erasures, on %s', (kind) => {
  const host = freshHost(kind);

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is left to instances that process deliveries', async () => {
    const scheduled = jest.spyOn(ErasureSweeper.prototype as unknown as { schedule(): void }, 'schedule');
    await host.start((a) => a.withOptions(RECEIVE_ONLY)); // as the command line has it
    expect(scheduled).not.toHaveBeenCalled();
    await host.start((a) => a);
    expect(scheduled).toHaveBeenCalledTimes(1);
  });

  it('destroys keys where a provider can, and leaves the erasure as it is elsewhere', async () => {
    const clock = new MovingClock();
    const provider = new ShreddableKeys();
    const destroy = provider.destroy.bind(provider);
    provider.destroy = () => Promise.reject(new Error('The key service is down.'));
    const app = await host.start((a) => withKeysOf(provider)(a).withClock(clock));
    await app.post(payload(), from('anna'));
    await expect(app.inbox.erase({ tenant: 'anna' }, { shred: true })).rejects.toThrow('The key service is down.');
    clock.advance(HOUR_MS);

    const other = await host.start((a) => sealedWith(['k-1'])(a).withClock(clock));
    const before = await other.inbox.erasures.list();
    expect(before).toMatchObject([{ state: 'requested', shred: true }]);
    await sweep(other);
    expect(await other.inbox.erasures.list()).toEqual(before);
    expect(other.logger.matching(/^WARN Could not continue an erasure/)).toEqual([]);

    provider.destroy = destroy;
    await sweep(app);
    expect([...provider.destroyed]).toEqual(['anna-1']);
    expect(await other.inbox.erasures.list()).toMatchObject([{ state: 'done' }]);
    clock.advance(HOUR_MS);
    await sweep(other); // the keys are destroyed: anybody can look once more
    expect(await other.inbox.erasures.list()).toMatchObject([{ state: 'swept' }]);
  });
});
