import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationErrored,
  type BulkRequest,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { databases } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

const HOUR_MS = 3_600_000;

/** Fails, and waits at its gate before when the status is ERROR. */
class FailForAnHour {
  readonly gate = new Gate();

  @OnVerification({ id: 'fail' })
  async handle(event: VerificationEvent): Promise<void> {
    if (event instanceof VerificationErrored) await this.gate.pass();
    throw new Error('not yet');
  }
}

describe.each(databases)('a bulk operation on pending deliveries, on %s', (kind) => {
  const host = freshHost(kind);

  it('takes those too that were in work at its preview and wait again, and counts none as skipped', async () => {
    const retry = { initialDelay: HOUR_MS, maxDelay: HOUR_MS, jitter: 'none' } as const;
    const app = await host.start((a) => a.withHandlers(FailForAnHour).withOptions({ processing: { retry } }));
    const waiting = [payload(), payload()];
    for (const body of waiting) await app.post(body);
    await until('both wait', async () => (await app.delivery(waiting[1]?.sessionId, 'pending')).dispatches === 1);
    await until('both wait', async () => (await app.delivery(waiting[0]?.sessionId, 'pending')).dispatches === 1);
    const inWork = payload({ status: 'ERROR' });
    await app.post(inWork);
    await app.delivery(inWork.sessionId, 'processing');

    const receivedBetween = [Date.now() - HOUR_MS, Date.now() + HOUR_MS] as const;
    const request: BulkRequest = { action: 'discard', selection: { state: 'pending', receivedBetween } };
    const { asOf, count: expected } = await app.inbox.bulk.preview(request);
    expect(expected).toBe(2);
    const { id } = await app.inbox.bulk.start({ ...request, asOf, expected, rate: 0.5 });
    await until('the first is discarded', async () => (await app.inbox.stats()).discarded === 1);
    app.nest.get(FailForAnHour).gate.open();
    await app.delivery(inWork.sessionId, 'pending');
    await app.inbox.bulk.pause(id);
    await app.inbox.bulk.resume(id, { rate: 100 });
    const ended = await until('it has ended', async () => {
      const found = await app.inbox.bulk.get(id);
      return found?.state === 'completed' ? found : null;
    });
    expect(ended).toMatchObject({ expected: 2, done: 3, skipped: 0 });
    expect(await app.inbox.stats()).toMatchObject({ discarded: 3, pending: 0 });
  });
});
