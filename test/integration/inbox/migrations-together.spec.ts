import { describe, expect, it } from '@jest/globals';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import type { DataSourceOptions } from 'typeorm';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

const INSTANCES = 4;

describe.each(databases)('instances of a first release that boot together, on %s', (kind) => {
  const host = freshHost(kind);

  it.each(['all', 'each', 'none'] as const)('run our migration one after the other: mode %s', async (mode) => {
    const empty = await host.database.connect();
    await empty.runMigrations(); // TypeORM makes its own table, without a lock
    const instances = await Promise.all(
      Array.from({ length: INSTANCES }, () =>
        host.database.connect({
          entities: [...cr3dentialsWebhookEntities],
          migrations: [...cr3dentialsWebhookMigrations],
          migrationsRun: true,
          migrationsTransactionMode: mode,
        }),
      ),
    );
    const [first] = instances;
    expect(await first?.showMigrations()).toBe(false);
    await first?.undoLastMigration({ transaction: mode });
    expect(await empty.query('SELECT * FROM migrations')).toEqual([]);
    expect(await first?.showMigrations()).toBe(true);
  });

  it('come up with "synchronize"', async () => {
    const apps = await Promise.all(
      Array.from({ length: INSTANCES }, () =>
        host.start((a) => a.withDataSource({ migrations: [], migrationsRun: false, synchronize: true })),
      ),
    );
    for (const app of apps) expect(await app.post(payload())).toMatchObject({ status: 200 });
  });

  it('come up on an empty database, with the retries that Nest has by default', async () => {
    const retries = { retryAttempts: 10, retryDelay: 100 } as Partial<DataSourceOptions>;
    const apps = await Promise.all(
      Array.from({ length: INSTANCES }, () => host.start((a) => a.withDataSource(retries).withHandlers(SucceedAtOnce))),
    );
    for (const app of apps) {
      const body = payload();
      expect(await app.post(body)).toMatchObject({ status: 200 });
      await app.delivery(body.sessionId, 'completed');
    }
  });
});
