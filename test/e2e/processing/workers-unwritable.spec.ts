import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Cr3dentialsWebhookOptions } from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { FailBehindAGate } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

const COMPLETION =
  /^WARN Could not record the completion of 1 delivery, will retry: QueryFailedError \w+ Cr3dentialsWebhook$/;
const FAILURE =
  /^WARN Could not record the outcome of a delivery, will retry: QueryFailedError \w+ Cr3dentialsWebhook$/;

describe.each(databases)('the result of a handler, on a %s that refuses to write it', (kind) => {
  const host = freshHost(kind);
  let beside: DataSource;

  beforeEach(async () => {
    beside = await host.database.connect();
  });

  it.each([
    ['a completion', [], [1], COMPLETION],
    ['a failure', [new Error('once')], [1, 2], FAILURE],
  ])(
    'is written again until it succeeds when it is %s, without another run of the handler',
    async (_, errors, attempts, told) => {
      const { app, handler, body } = await refusedAfter(errors);
      await until('it could not be written twice', () => app.logger.matching(told).length === 2);
      await relent();

      expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({
        rescues: 0,
        dispatches: attempts.length,
      });
      expect(handler.attempts).toEqual(attempts);
      expect(app.logger.matching(/rescued/)).toEqual([]);
    },
  );

  it.each([
    ['a completion', []],
    ['a failure', [new Error('once')]],
  ])('is given up with the lease when it is %s, and the next worker runs the handler again', async (_, errors) => {
    const { app, handler, body } = await refusedAfter(errors, { processing: { lease: 1_000 } });
    await until('the lease is lost', () => app.logger.matching(/Lost the leases of/)[0]);
    const begun = performance.now();
    await until('its last write has failed', () => performance.now() - begun > 1_200);
    await relent();

    expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({ dispatches: 2 });
    expect(handler.attempts).toHaveLength(2);
  });

  /** A handler that has run while the database stopped taking what it came to. */
  async function refusedAfter(errors: readonly Error[], options: Partial<Cr3dentialsWebhookOptions> = {}) {
    const app = await host.start((a) => a.withHandlers(FailBehindAGate).withOptions(options));
    const handler = app.nest.get(FailBehindAGate);
    handler.errors = [...errors];
    const body = payload();
    await app.post(body);
    await until('it runs', () => handler.gate.arrivals === 1);
    await beside.query('ALTER TABLE cr3dentials_webhook_delivery_state RENAME TO elsewhere');
    handler.gate.open();
    return { app, handler, body };
  }

  async function relent(): Promise<void> {
    await beside.query('ALTER TABLE elsewhere RENAME TO cr3dentials_webhook_delivery_state');
  }
});
