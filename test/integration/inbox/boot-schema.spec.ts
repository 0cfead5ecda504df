import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Module, type DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Delivery } from '../../../src/inbox/delivery.entity.js';
import { Entity, PrimaryColumn, type DataSource } from 'typeorm';
import { databases, freshDatabase, servers, type TestDatabase } from '../../support/database/databases.js';
import { SECRET, webhookApp } from '../../support/app/webhook-app.js';

const MIGRATION = 'Cr3dentialsWebhookInitial1795392000000';
const REMEDY =
  `Run the migration ${MIGRATION}: add migrations: [...cr3dentialsWebhookMigrations] and` +
  ' migrationsRun: true to the DataSource, or run "typeorm migration:run".';

/** The sentence about a table. It names the error of the database by its code, which differs. */
const told = (table: string) => {
  const [before, after] = [`The table ${table} is missing or incomplete (`, `). ${REMEDY}`].map((text) =>
    text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
  );
  return expect.stringMatching(new RegExp(`^${before}QueryFailedError [A-Z\\d_]{5,}${after}$`));
};

const TABLES = [
  'cr3dentials_webhook_delivery',
  'cr3dentials_webhook_delivery_state',
  'cr3dentials_webhook_handler_run',
  'cr3dentials_webhook_handler_set',
  'cr3dentials_webhook_rejection',
] as const;

/** Gives the host a DataSource that the test has connected, and will close. */
@Module({})
class Connected {
  static as(name: string, dataSource: unknown): DynamicModule {
    const provide = getDataSourceToken(name);
    return { module: Connected, global: true, providers: [{ provide, useValue: dataSource }], exports: [provide] };
  }
}

@Entity('cr3dentials_webhook_delivery')
class DeliveryOfAnotherCopy {
  @PrimaryColumn({ type: 'varchar' })
  id!: string;
}

/** A DataSource of another type than it has. */
function pretending(dataSource: DataSource, type: string): DataSource {
  const options = { ...dataSource.options, type };
  return new Proxy(dataSource, {
    get: (target, name) => (name === 'options' ? options : (Reflect.get(target, name, target) as unknown)),
  });
}

/** Boots a host beside whose own DataSource there is the inbox's, and answers what stops it. */
async function refusalOf(dataSource: unknown): Promise<unknown> {
  const nothing: TestDatabase = {
    kind: 'sqlite',
    options: { type: 'better-sqlite3', database: ':memory:' },
    connect: () => Promise.reject(new Error('It has no connection.')),
    drop: () => Promise.resolve(),
  };
  const starting = webhookApp(nothing)
    .withDataSource({ entities: [], migrations: [] })
    .importing(Connected.as('inbox', dataSource))
    .withOptions({ dataSource: 'inbox' })
    .start();
  return starting.then(
    (app) => app.stop(),
    (error: unknown) => error,
  );
}

describe.each(databases)('a database with a wrong schema, on %s', (kind) => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    dataSource = await database.connect({
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
    });
  });

  afterEach(() => database.drop());

  /** As the driver writes it. */
  function quoted(table: string): string {
    return dataSource
      .getMetadata(cr3dentialsWebhookEntities[TABLES.findIndex((name) => name === table)] ?? Delivery)
      .tablePath.split('.')
      .map((part) => dataSource.driver.escape(part))
      .join('.');
  }

  it('stops the boot when its tables are missing, and names the migration to run', async () => {
    expect(await refusalOf(dataSource)).toMatchObject({
      name: 'Cr3dentialsWebhookError',
      code: 'SCHEMA_INCOMPLETE',
      message: told(quoted(TABLES[0])),
    });
  });

  it.each(TABLES)('stops the boot when one table is missing: %s', async (table) => {
    await dataSource.runMigrations();
    await dataSource.query(`DROP TABLE ${quoted(table)}`);
    expect(await refusalOf(dataSource)).toMatchObject({
      code: 'SCHEMA_INCOMPLETE',
      message: told(quoted(table)),
    });
  });

  it.each([
    [TABLES[0], 'fingerprint'],
    [TABLES[1], 'purged_at'],
    [TABLES[2], 'last_error'],
    [TABLES[3], 'handlers'],
    [TABLES[4], 'repeats'],
  ])('stops the boot when a column is missing: %s.%s', async (table, column) => {
    await dataSource.runMigrations();
    await dataSource.query(`ALTER TABLE ${quoted(table)} DROP COLUMN ${column}`);
    expect(await refusalOf(dataSource)).toMatchObject({
      code: 'SCHEMA_INCOMPLETE',
      message: told(quoted(table)),
    });
  });

  it('boots once the migration has run', async () => {
    await dataSource.runMigrations();
    expect(await refusalOf(dataSource)).toBeUndefined();
  });

  it('boots with unknown columns, those of a newer version during an upgrade', async () => {
    await dataSource.runMigrations();
    for (const table of TABLES) await dataSource.query(`ALTER TABLE ${quoted(table)} ADD COLUMN newer INTEGER`);
    expect(await refusalOf(dataSource)).toBeUndefined();
  });
});

describe('a DataSource that cannot be used', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
  });

  afterEach(() => database.drop());

  it('stops the boot when there is none, and says how to name another', async () => {
    const module = Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] } });
    await expect(Test.createTestingModule({ imports: [module] }).compile()).rejects.toMatchObject({
      name: 'Cr3dentialsWebhookError',
      code: 'DATA_SOURCE_MISSING',
      message:
        'There is no DataSource "default". Import TypeOrmModule.forRoot(…), or name yours in the option "dataSource".',
    });
  });

  it('stops the boot when there is none of the configured name', async () => {
    await expect(webhookApp(database).withOptions({ dataSource: 'inbxo' }).start()).rejects.toMatchObject({
      code: 'DATA_SOURCE_MISSING',
      message:
        'There is no DataSource "inbxo". Import TypeOrmModule.forRoot(…), or name yours in the option "dataSource".',
    });
  });

  it.each([
    ['none of our entities', []],
    ['some of our entities', [Delivery]],
  ])('stops the boot when it knows %s', async (_, entities) => {
    await expect(webhookApp(database).withDataSource({ entities }).start()).rejects.toMatchObject({
      code: 'DATA_SOURCE_MISSING',
      message:
        'The DataSource "default" does not know our entities. Add entities: [...cr3dentialsWebhookEntities] to it, or autoLoadEntities: true.',
    });
    expect(await refusalOf(await database.connect({ entities }))).toMatchObject({
      message: expect.stringMatching(/^The DataSource "inbox" does not know our entities\./),
    });
  });

  it('stops the boot when it has our entities from another copy, as by "require" in a host of ES modules', async () => {
    const entities = [DeliveryOfAnotherCopy];
    await expect(webhookApp(database).withDataSource({ entities }).start()).rejects.toMatchObject({
      code: 'DATA_SOURCE_MISSING',
      message:
        'The DataSource "default" has our entities from another copy of this package. Keep one installed, and load it everywhere by "import" or everywhere by "require".',
    });
  });

  it.each(['sqlite', 'mssql', 'oracle', 'mongodb', 'cockroachdb', 'aurora-postgres', 'react-native'])(
    'stops the boot when its type is %s',
    async (type) => {
      const dataSource = await database.connect({
        entities: [...cr3dentialsWebhookEntities],
        migrations: [...cr3dentialsWebhookMigrations],
        migrationsRun: true,
      });
      expect(await refusalOf(pretending(dataSource, type))).toMatchObject({
        code: 'DATABASE_UNSUPPORTED',
        message: `The inbox cannot live in a database of type "${type}". Use postgres, mariadb, mysql or better-sqlite3, and name that DataSource in the option "dataSource".`,
      });
    },
  );

  it('boots when its type is a supported one', async () => {
    const dataSource = await database.connect({
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    });
    expect(await refusalOf(pretending(dataSource, 'better-sqlite3'))).toBeUndefined();
  });
});

for (const kind of servers) {
  describe(`a database that is down at boot on ${kind}`, () => {
    it('is not mistaken for one without the migrations', async () => {
      const database = await freshDatabase(kind);
      const dataSource = await database.connect({
        entities: [...cr3dentialsWebhookEntities],
        migrations: [...cr3dentialsWebhookMigrations],
        migrationsRun: true,
      });
      await dataSource.destroy();
      const refusal = await refusalOf(dataSource);
      expect(refusal).toBeInstanceOf(Error);
      expect(refusal).not.toMatchObject({ code: 'SCHEMA_INCOMPLETE' });
      await database.drop();
    });
  });
}
