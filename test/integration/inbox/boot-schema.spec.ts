import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Module, type DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { sqliteDialect } from '../../../src/database/dialect/sqlite.dialect.js';
import { Delivery } from '../../../src/inbox/delivery.entity.js';
import { assertSchema } from '../../../src/inbox/schema.check.js';
import { Tables } from '../../../src/inbox/tables.js';
import { Entity, PrimaryColumn, type DataSource, type DataSourceOptions } from 'typeorm';
import { databases, freshDatabase, servers, type TestDatabase } from '../../support/database/databases.js';
import { SECRET, webhookApp } from '../../support/app/webhook-app.js';

const MIGRATION = 'Cr3dentialsWebhookInitial1795392000000';
const REMEDY =
  `Run the migration ${MIGRATION}: add migrations: [...cr3dentialsWebhookMigrations] and` +
  ' migrationsRun: true to the DataSource, or run "typeorm migration:run".';

const SET_BACK = 'If entityPrefix or schema of the DataSource has changed, set it back.';

/**
 * The sentences about a table. They name the error of the database by its code, which differs, and on PostgreSQL the
 * inboxes of other tests, which are there or not.
 */
const told = (table: string, { found, remedy }: { found?: string; remedy: string }) => {
  const [quoted, what, others] = [table, remedy, found].map((text) => text?.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const elsewhere = others === undefined ? '(There is an inbox in .*?\\. )?' : `There is an inbox in ${others}.*?\\. `;
  const error = 'QueryFailedError [A-Z\\d_]{5,}';
  return expect.stringMatching(
    new RegExp(`^The table ${quoted} is missing or incomplete \\(${error}\\)\\. ${elsewhere}${what}$`),
  );
};

const TABLES = [
  'cr3dentials_webhook_delivery',
  'cr3dentials_webhook_delivery_state',
  'cr3dentials_webhook_handler_run',
  'cr3dentials_webhook_handler_set',
  'cr3dentials_webhook_rejection',
  'cr3dentials_webhook_key',
  'cr3dentials_webhook_task',
  'cr3dentials_webhook_erasure',
  'cr3dentials_webhook_action',
  'cr3dentials_webhook_bulk',
  'cr3dentials_webhook_attempt',
  'cr3dentials_webhook_tally',
  'cr3dentials_webhook_instance',
  'cr3dentials_webhook_secret_use',
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

function migrationsTable({ driver, options }: DataSource): string {
  const { schema } = options as { schema?: string };
  const path = schema === undefined ? ['migrations'] : [schema, 'migrations'];
  return path.map((part) => driver.escape(part)).join('.');
}

const ranAlready = (dataSource: DataSource) =>
  `The migration ${MIGRATION} has run, as ${migrationsTable(dataSource)} says, so TypeORM does not run it again.` +
  ` ${SET_BACK} Otherwise delete its row there and run it again: it creates the tables that are missing, and leaves the others.`;

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
      message: expect.stringMatching(new RegExp(`^The table ${quoted(TABLES[0])} is missing or incomplete \\(`)),
    });
    const { message } = (await refusalOf(dataSource)) as Error;
    expect(message.endsWith(`). ${REMEDY}`) || message.endsWith(`. ${SET_BACK} For another inbox: ${REMEDY}`)).toBe(
      true,
    );
  });

  it('is told from a database that fails once it has refused a statement', async () => {
    const missing = Object.assign(new Error('no such table'), { code: 'MISSING' });
    const down = Object.assign(new Error('down'), { code: 'ECONNREFUSED' });
    for (let answered = 0; answered <= 2; answered++) {
      let statements = 0;
      const execute = () => Promise.reject(statements++ <= answered ? missing : down);
      const connection = {
        execute,
        dialect: sqliteDialect,
        hostDataSource: dataSource,
      } as unknown as DatabaseConnection;
      await expect(assertSchema(connection, new Tables(dataSource))).rejects.toBe(down);
    }
  });

  it.each(TABLES)('stops the boot when one table is missing: %s', async (table) => {
    await dataSource.runMigrations();
    await dataSource.query(`DROP TABLE ${quoted(table)}`);
    expect(await refusalOf(dataSource)).toMatchObject({
      code: 'SCHEMA_INCOMPLETE',
      message: told(quoted(table), { remedy: ranAlready(dataSource) }),
    });
    await dataSource.query(`DELETE FROM ${migrationsTable(dataSource)}`); // as the message says
    await dataSource.runMigrations();
    expect(await refusalOf(dataSource)).toBeUndefined();
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
    const remedy = `The migration ${MIGRATION} has run, as ${migrationsTable(dataSource)} says, so the table was changed since. Give it back the columns of the migration.`;
    expect(await refusalOf(dataSource)).toMatchObject({
      code: 'SCHEMA_INCOMPLETE',
      message: told(quoted(table), { remedy }),
    });
  });

  it('stops the boot when a column is missing and nobody has run the migration, and names it', async () => {
    await dataSource.runMigrations();
    await dataSource.query(`DELETE FROM ${migrationsTable(dataSource)}`);
    await dataSource.query(`ALTER TABLE ${quoted(TABLES[4])} DROP COLUMN repeats`);
    expect(await refusalOf(dataSource)).toMatchObject({ message: told(quoted(TABLES[4]), { remedy: REMEDY }) });
  });

  it('names the inbox that is there when the prefix has changed since the migration ran', async () => {
    await dataSource.runMigrations();
    const renamed = await database.connect({
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsRun: true,
      entityPrefix: 'acme_',
    });
    expect(await refusalOf(renamed)).toMatchObject({
      code: 'SCHEMA_INCOMPLETE',
      message: told(quoted(TABLES[0]).replace('cr3dentials', 'acme_cr3dentials'), {
        found: quoted(TABLES[0]),
        remedy: ranAlready(dataSource),
      }),
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

for (const kind of servers.filter((one) => one === 'postgres')) {
  describe('a schema that has changed since the migration ran, on postgres', () => {
    it('stops the boot, and names an inbox in another schema', async () => {
      const database = await freshDatabase(kind);
      const { schema } = database.options as { schema: string };
      const entities = [...cr3dentialsWebhookEntities];
      const before = await database.connect({ entities, migrations: [...cr3dentialsWebhookMigrations] });
      await before.runMigrations();
      await before.query(`CREATE SCHEMA ${schema}_other`);
      const after = await database.connect({ entities, schema: `${schema}_other` } as Partial<DataSourceOptions>);
      const table = `"${schema}_other"."${TABLES[0]}"`;
      expect(await refusalOf(after)).toMatchObject({
        message: told(table, { found: '"', remedy: `${SET_BACK} For another inbox: ${REMEDY}` }),
      });
      await before.query(`DROP SCHEMA ${schema}_other`);
      await database.drop();
    });
  });
}

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
        'The DataSource "default" does not know the entities of this package. Add entities: [...cr3dentialsWebhookEntities] to it, or autoLoadEntities: true.',
    });
    expect(await refusalOf(await database.connect({ entities }))).toMatchObject({
      message: expect.stringMatching(/^The DataSource "inbox" does not know the entities of this package\./),
    });
  });

  it('stops the boot when the host initializes it later', async () => {
    const later = webhookApp(database).withDataSource({ manualInitialization: true } as object);
    await expect(later.start()).rejects.toMatchObject({
      code: 'DATA_SOURCE_MISSING',
      message:
        'The DataSource "default" is not initialized when this module boots. Remove manualInitialization: true, or await its initialize() in dataSourceFactory.',
    });
  });

  it('stops the boot when it has the entities of another copy, as by "require" in a host of ES modules', async () => {
    const entities = [DeliveryOfAnotherCopy];
    await expect(webhookApp(database).withDataSource({ entities }).start()).rejects.toMatchObject({
      code: 'DATA_SOURCE_MISSING',
      message:
        'The DataSource "default" has the entities of another copy of this package. Keep one installed, and load it everywhere by "import" or everywhere by "require".',
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
