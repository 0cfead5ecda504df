import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { migrateInTurn } from 'nestjs-cr3dentials-webhook/migrations';
import { DataSource, type DataSourceOptions, type MigrationInterface, type QueryRunner } from 'typeorm';
import { SECRET } from '../../support/app/canaries.js';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

const INSTANCES = 4;

describe.each(databases)('instances of a first release that boot together, on %s', (kind) => {
  const host = freshHost(kind);

  const options = () =>
    ({
      ...host.database.options,
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations, Accounts1795392000001],
    }) as DataSourceOptions;

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

  describe('and migrate in turn', () => {
    it.each(['all', 'each', 'none'] as const)('come up at the first try: mode %s', async (mode) => {
      const sources = Array.from(
        { length: INSTANCES },
        () => new DataSource({ ...options(), migrationsRun: mode !== 'each', migrationsTransactionMode: mode }),
      );
      try {
        for (const source of await Promise.all(sources.map(migrateInTurn)))
          expect(await source.showMigrations()).toBe(false);
        const [first] = sources;
        const names = (await first?.query('SELECT name FROM migrations')) as { name: string }[];
        expect(names.map(({ name }) => name)).toEqual([
          'Cr3dentialsWebhookInitial1795392000000',
          'Accounts1795392000001',
        ]);
      } finally {
        for (const source of sources) await source.destroy();
      }
    });

    it('leave no lock when a migration fails', async () => {
      const broken = new DataSource({ ...options(), migrations: [Broken1795392000002] });
      await expect(migrateInTurn(broken)).rejects.toThrow('no such luck');
      await broken.destroy();
      const source = await migrateInTurn(new DataSource(options()));
      expect(await source.showMigrations()).toBe(false);
      await source.destroy();
    });

    it('come up as apps without a retry', async () => {
      const apps = await Promise.all(
        Array.from({ length: INSTANCES }, () =>
          NestFactory.createApplicationContext(
            {
              module: Host,
              imports: [
                TypeOrmModule.forRootAsync({
                  useFactory: () => ({ ...options(), retryAttempts: 0 }),
                  dataSourceFactory: (given) => migrateInTurn(new DataSource(given as DataSourceOptions)),
                }),
                EventEmitterModule.forRoot(),
                Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] } }),
              ],
            },
            { logger: false, abortOnError: false },
          ),
        ),
      );
      for (const app of apps) {
        expect(await app.get(Cr3dentialsWebhookInbox).stats()).toMatchObject({ pending: 0 });
        await app.close();
      }
    });
  });
});

@Module({})
class Host {}

/** As a migration of the host may be: it fails where the table is there. */
class Accounts1795392000001 implements MigrationInterface {
  readonly name = 'Accounts1795392000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE TABLE account (id int)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE account');
  }
}

class Broken1795392000002 implements MigrationInterface {
  readonly name = 'Broken1795392000002';

  up(): Promise<void> {
    return Promise.reject(new Error('no such luck'));
  }

  down(): Promise<void> {
    return Promise.resolve();
  }
}
