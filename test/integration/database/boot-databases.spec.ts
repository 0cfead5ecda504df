import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { Column, DataSource, DefaultNamingStrategy, Entity, PrimaryColumn, type DataSourceOptions } from 'typeorm';
import { RememberEvents } from '../../support/app/doubles.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp, type WebhookAppBuilder } from '../../support/app/webhook-app.js';

const TABLES = [
  'cr3dentials_webhook_action',
  'cr3dentials_webhook_attempt',
  'cr3dentials_webhook_bulk',
  'cr3dentials_webhook_delivery',
  'cr3dentials_webhook_delivery_state',
  'cr3dentials_webhook_erasure',
  'cr3dentials_webhook_handler_run',
  'cr3dentials_webhook_handler_set',
  'cr3dentials_webhook_instance',
  'cr3dentials_webhook_key',
  'cr3dentials_webhook_rejection',
  'cr3dentials_webhook_secret_use',
  'cr3dentials_webhook_tally',
  'cr3dentials_webhook_task',
];

/** An entity of the host's own. */
@Entity('account')
class Account {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string;

  @Column({ type: 'varchar', length: 20 })
  holder!: string;
}

/** Names what has no name of its own; most strategies do the same in snake case. */
class NamesColumnsItsWay extends DefaultNamingStrategy {
  override columnName(property: string, given: string, prefixes: string[]): string {
    return given || `its_${super.columnName(property, given, prefixes)}`;
  }
}

/** What a host may write where the type wants one database's options. */
function host(options: Record<string, unknown>): Partial<DataSourceOptions> {
  return options;
}

const autoLoad = host({ autoLoadEntities: true, entities: [] });
const synchronized = { synchronize: true, migrations: [], migrationsRun: false };
const synchronize = host(synchronized);
const entities = [...cr3dentialsWebhookEntities];
const migrations = [...cr3dentialsWebhookMigrations];

describe.each(databases)('a host on %s', (kind) => {
  let database: TestDatabase;
  let app: WebhookApp;

  beforeEach(async () => {
    database = await freshDatabase(kind);
  });

  afterEach(async () => {
    await app?.stop();
    await database.drop();
  });

  /** Boots, and awaits that a delivery reaches a handler. Answers its session. */
  async function receives(builder: WebhookAppBuilder): Promise<string> {
    app = await builder.withHandlers(RememberEvents).start();
    const body = payload();
    expect(await app.post(body)).toMatchObject({ status: 200 });
    const { sessionId } = await app.delivery(body.sessionId, 'completed');
    expect(app.nest.get(RememberEvents).sessionIds).toEqual([sessionId]);
    return String(sessionId);
  }

  /** Which of these tables there are. */
  async function tablesAmong(names: readonly string[]): Promise<string[]> {
    const runner = (await database.connect()).createQueryRunner();
    const found: string[] = [];
    for (const name of names) if (await runner.hasTable(name)) found.push(name);
    await runner.release();
    return found;
  }

  it.each([
    ['runs the migrations at boot', {}],
    ['runs the migrations at boot and loads entities by itself', autoLoad],
    ['synchronises its schema instead', synchronize],
    [
      'synchronises its schema and loads entities by itself',
      host({ ...synchronized, autoLoadEntities: true, entities: [] }),
    ],
    ['does both', host({ synchronize: true })],
    ['drops its schema at boot first', host({ ...synchronized, dropSchema: true })],
  ])('that %s receives deliveries', async (_, options) => {
    await receives(webhookApp(database).withDataSource(options));
    expect(await tablesAmong(TABLES)).toEqual(TABLES);
  });

  it('that runs the migrations from the command line receives deliveries', async () => {
    const commandLine = await database.connect({ entities, migrations });
    await commandLine.runMigrations();
    await receives(webhookApp(database).withDataSource({ migrations: [], migrationsRun: false }));
    expect(await commandLine.showMigrations()).toBe(false);
  });

  it('that synchronises its schema keeps its rows from boot to boot', async () => {
    const options = host({ ...synchronized, entities: [...entities, Account] });
    const first = await receives(webhookApp(database).withDataSource(options));
    await app.nest.get(DataSource).getRepository(Account).insert({ id: '1', holder: 'John Doe' });
    await app.stop();
    await receives(webhookApp(database).withDataSource(options));
    expect(await app.inbox.find({ sessionId: first })).toMatchObject({ state: 'completed' });
    expect(await app.nest.get(DataSource).getRepository(Account).count()).toBe(1);
  });

  it('that has synchronised its schema so far may switch to the migrations', async () => {
    const first = await receives(webhookApp(database).withDataSource(synchronize));
    await app.stop();
    await receives(webhookApp(database));
    expect(await app.inbox.find({ sessionId: first })).toMatchObject({ state: 'completed' });
  });

  it.each([
    ['the migrations', {}],
    ['the migrations, and entities loaded by itself', autoLoad],
    ['a synchronised schema', synchronize],
  ])('whose DataSource has a name receives deliveries with %s', async (_, options) => {
    const named = host({ ...options, name: 'webhooks' });
    await receives(webhookApp(database).withDataSource(named).withOptions({ dataSource: 'webhooks' }));
    expect(() => app.nest.get(DataSource)).toThrow(/DataSource/);
    expect(app.nest.get(getDataSourceToken('webhooks'))).toBeInstanceOf(DataSource);
  });

  it.each([
    ['the migrations', {}],
    ['a synchronised schema', synchronize],
  ])('whose entities have a prefix has it on our tables too, with %s', async (_, options) => {
    await receives(webhookApp(database).withDataSource(host({ ...options, entityPrefix: 'acme_' })));
    const prefixed = TABLES.map((name) => `acme_${name}`);
    expect(await tablesAmong([...prefixed, ...TABLES])).toEqual(prefixed);
    expect(app.logger.matching(/acme_cr3dentials_webhook_delivery.*acme_cr3dentials_webhook_rejection/)).toHaveLength(
      1,
    );
  });

  it('may have two inboxes in one database, under two prefixes', async () => {
    const mine = await receives(webhookApp(database).withDataSource({ entityPrefix: 'a_' }));
    await app.stop();
    await receives(webhookApp(database).withDataSource({ entityPrefix: 'b_', migrationsTableName: 'b_migrations' }));
    expect(await app.inbox.find({ sessionId: mine })).toBeNull();
  });
});

for (const kind of databases.filter((one) => one === 'postgres')) {
  describe('a host on PostgreSQL with a schema that is not on the search path', () => {
    let database: TestDatabase;

    beforeEach(async () => {
      database = await freshDatabase(kind);
    });

    afterEach(() => database.drop());

    it.each([
      ['the migrations', {}],
      ['a synchronised schema', synchronize],
    ])('receives deliveries with %s, in its own schema only', async (_, options) => {
      const { schema } = database.options as { schema: string };
      const app = await webhookApp(database)
        .withDataSource(host({ ...options, extra: {} }))
        .withHandlers(RememberEvents)
        .start();
      const body = payload();
      expect(await app.post(body)).toMatchObject({ status: 200 });
      await app.delivery(body.sessionId, 'completed');
      expect(app.logger.matching(new RegExp(`LOG POST .*"${schema}"\\."cr3dentials_webhook_delivery"`))).toHaveLength(
        1,
      );
      const found: unknown[] = await app.nest
        .get(DataSource)
        .query(`SELECT tablename FROM pg_tables WHERE schemaname = '${schema}' AND tablename LIKE 'cr3d%' ORDER BY 1`);
      expect(found).toEqual(TABLES.map((tablename) => ({ tablename })));
      await app.stop();
    });
  });
}

for (const kind of databases.filter((one) => one === 'mariadb')) {
  describe('a host on MariaDB that declares it as MySQL', () => {
    it('receives deliveries', async () => {
      const database = await freshDatabase(kind);
      const app = await webhookApp(database)
        .withDataSource(host({ type: 'mysql' }))
        .withHandlers(RememberEvents)
        .start();
      const body = payload();
      const answers = await Promise.all([app.post(body), app.post(body)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({ duplicates: 1 });
      expect(app.logger.matching(/LOG POST .*inbox in mysql /)).toHaveLength(1);
      await app.stop();
      await database.drop();
    });
  });
}

describe('a host with a naming strategy for columns', () => {
  it('receives deliveries and reads them', async () => {
    const database = await freshDatabase('sqlite');
    try {
      const app = await webhookApp(database).withDataSource({ namingStrategy: new NamesColumnsItsWay() }).start();
      const { sessionId } = payload();
      expect(await app.post(payload({ sessionId }))).toMatchObject({ status: 200 });
      expect(await app.delivery(sessionId, 'pending')).toMatchObject({ tenant: '', duplicates: 0 });
      await app.stop();
    } finally {
      await database.drop();
    }
  });
});
