import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  type HandlerContext,
} from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import { DeliveryStateRow } from '../../../src/inbox/delivery-state.entity.js';
import { servers } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

const POOL_SIZE = 6;
const CONCURRENCY = 4;
/** More than may wait in memory. */
const TRANSACTIONAL = 60;
const PLAIN = 10;

class Accounts {
  readonly attempts: number[] = [];

  @OnVerification(VerificationCompleted, { id: 'accounts.activate', transactional: true })
  async activate(_: VerificationCompleted, { manager, attempt }: HandlerContext): Promise<void> {
    await manager.query('SELECT 1');
    this.attempts.push(attempt);
  }

  @OnVerification(VerificationCancelled, { id: 'accounts.note' })
  note(): void {}
}

/** Takes every connection of the pool. Resolves to what gives them back. */
async function exhaust(dataSource: DataSource): Promise<() => Promise<void>> {
  const runners: QueryRunner[] = Array.from({ length: POOL_SIZE }, () => dataSource.createQueryRunner());
  await Promise.all(runners.map((runner) => runner.connect()));
  return async () => {
    await Promise.all(runners.map((runner) => runner.release()));
  };
}

const post = (app: WebhookApp, status: string, count: number) =>
  Promise.all(Array.from({ length: count }, async () => (await app.post(payload({ status }))).status));

describe.each(servers)('a pool of the host that is used up, on %s', (kind) => {
  const host = freshHost(kind);
  const boot = (drainTimeout = 10_000) =>
    host.start((a) =>
      a
        .withDataSource({ poolSize: POOL_SIZE })
        .withHandlers(Accounts)
        .withOptions({ processing: { concurrency: CONCURRENCY, drainTimeout } }),
    );

  it('stops neither receiving nor handlers without a transaction, and the others run once it has connections', async () => {
    const app = await boot();
    const release = await exhaust(app.nest.get(DataSource));
    try {
      expect(new Set(await post(app, 'COMPLETED', TRANSACTIONAL))).toEqual(new Set([200]));
      expect(new Set(await post(app, 'CANCELLED', PLAIN))).toEqual(new Set([200]));
      const others = async () => (await app.inbox.stats()).completed === PLAIN;
      await until('the others are completed', others, 8_000);
      expect(app.nest.get(Accounts).attempts).toEqual([]);
      expect(app.logger.matching(/^WARN No connection of the app's pool/)).toHaveLength(1);
    } finally {
      await release();
    }
    await until('all are completed', async () => (await app.inbox.stats()).completed === PLAIN + TRANSACTIONAL, 40_000);
    expect(app.nest.get(Accounts).attempts).toEqual(Array.from({ length: TRANSACTIONAL }, () => 1));
  });

  it('uses up no attempt, although the wait for a connection has a limit', async () => {
    const app = await host.start((a) =>
      a
        .withDataSource({ poolSize: POOL_SIZE, connectTimeoutMS: 300 } as Partial<DataSourceOptions>)
        .withHandlers(Accounts)
        .withOptions({ processing: { lease: 1_000, retry: { attempts: 1 } } }),
    );
    const release = await exhaust(app.nest.get(DataSource));
    try {
      expect(await post(app, 'COMPLETED', 1)).toEqual([200]);
      await sleep(4_000); // some eight tries on PostgreSQL; the driver of MariaDB waits without a limit
      expect(await app.inbox.stats()).toMatchObject({ dead: 0 });
    } finally {
      await release();
    }
    await until('it is completed', async () => (await app.inbox.stats()).completed === 1);
    expect(app.nest.get(Accounts).attempts).toEqual([1]);
  });

  it('does not hold a shutdown, and what waits for a connection is due at once', async () => {
    const app = await boot(60_000);
    const release = await exhaust(app.nest.get(DataSource));
    await post(app, 'COMPLETED', CONCURRENCY);
    const ended = host.stop(app);
    const states = (await host.database.connect({ entities: [DeliveryStateRow] })).getRepository(DeliveryStateRow);
    await until('all are returned', async () => (await states.countBy({ state: 'pending' })) === CONCURRENCY);
    await release(); // the end of the host's pool waits for it
    await ended;
    expect(app.nest.get(Accounts).attempts).toEqual([]);
  });
});
