import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Rejection } from '../../../src/inbox/rejection.entity.js';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook/migrations';
import { Column, Entity, PrimaryColumn, type DataSource, type QueryRunner, type Repository } from 'typeorm';
import { databases, freshDatabase, type DatabaseKind, type TestDatabase } from '../../support/database/databases.js';

const entities = [...cr3dentialsWebhookEntities];
const [Initial] = cr3dentialsWebhookMigrations;
const migrations = [...cr3dentialsWebhookMigrations];
const TABLES = [
  'cr3dentials_webhook_delivery',
  'cr3dentials_webhook_delivery_state',
  'cr3dentials_webhook_handler_run',
  'cr3dentials_webhook_rejection',
];

/** An entity of the host's own. */
@Entity('account')
class Account {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id!: string;

  @Column({ type: 'varchar', length: 20 })
  holder!: string;
}

/** Columns and indexes of our tables as the database has them, in a form that two can be compared in. */
async function schemaOf(runner: QueryRunner, prefix = ''): Promise<unknown> {
  const tables = [];
  for (const name of TABLES) {
    const table = await runner.getTable(prefix + name);
    const columns = table?.columns.map(
      ({ name: column, type, length, isNullable, isPrimary, default: by, collation }) =>
        [column, type, length, isNullable, isPrimary, by, collation].join(' '),
    );
    const indices = table?.indices.map((index) =>
      [index.name, index.columnNames.toSorted(), index.isUnique, index.where].join(' '),
    );
    tables.push({ name, columns: columns?.toSorted(), indices: indices?.toSorted() });
  }
  return tables;
}

async function existing(runner: QueryRunner, prefix = ''): Promise<string[]> {
  const found = [];
  for (const name of TABLES) if (await runner.hasTable(prefix + name)) found.push(name);
  return found;
}

describe.each(
  databases.flatMap((kind) => [[kind, 'without a prefix', ''] as const, [kind, 'with a prefix', 'acme_'] as const]),
)('the migrations, on %s %s', (kind, _, entityPrefix) => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let runner: QueryRunner;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    dataSource = await database.connect({ entities, migrations, entityPrefix });
    runner = dataSource.createQueryRunner();
  });

  afterEach(async () => {
    await runner.release();
    await database.drop();
  });

  const row = {
    id: '1',
    fingerprint: 'f',
    reason: 'invalid',
    detail: '',
    rawBody: '{}',
    tenant: '',
    state: 'open',
  } as const;

  function rejections(): Repository<Rejection> {
    return dataSource.getRepository(Rejection);
  }

  function store(): Promise<unknown> {
    return rejections().insert({ ...row, repeats: 0, firstReceivedAt: 1, lastReceivedAt: 1 });
  }

  it('run up, down, and up again', async () => {
    await dataSource.runMigrations();
    const before = await schemaOf(runner, entityPrefix);
    expect(await existing(runner, entityPrefix)).toEqual(TABLES);
    await store();
    await dataSource.undoLastMigration();
    expect(await existing(runner, entityPrefix)).toEqual([]);
    expect(await dataSource.showMigrations()).toBe(true);
    await dataSource.runMigrations();
    expect(await schemaOf(runner, entityPrefix)).toEqual(before);
    expect(await rejections().count()).toBe(0);
    await store();
    expect(await rejections().count()).toBe(1);
  });

  it('run up when the tables exist already, and leave their rows', async () => {
    await dataSource.runMigrations();
    await store();
    const before = await schemaOf(runner, entityPrefix);
    await new Initial().up(runner);
    expect(await schemaOf(runner, entityPrefix)).toEqual(before);
    expect(await rejections().find()).toMatchObject([row]);
  });

  it('run up when one table exists already', async () => {
    await new Initial().up(runner);
    const before = await schemaOf(runner, entityPrefix);
    await runner.dropTable(`${entityPrefix}cr3dentials_webhook_handler_run`);
    await dataSource.runMigrations();
    expect(await schemaOf(runner, entityPrefix)).toEqual(before);
  });

  it('run down when there is no table', async () => {
    await new Initial().down(runner);
    expect(await existing(runner, entityPrefix)).toEqual([]);
  });

  it('run once each, under names that TypeORM can sort', async () => {
    const names = (await dataSource.runMigrations()).map(({ name, timestamp }) => [name, timestamp]);
    expect(names).toEqual([['Cr3dentialsWebhookInitial1795392000000', 1795392000000]]);
    expect(await dataSource.runMigrations()).toEqual([]);
  });
});

describe.each(databases)('a host that synchronises its schema, on %s', (kind) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await freshDatabase(kind);
  });

  afterEach(() => database.drop());

  it('is never told to change our tables, and has no migration generated for them', async () => {
    const dataSource = await database.connect({ entities, migrations, migrationsRun: true });
    const { upQueries, downQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect([...upQueries, ...downQueries]).toEqual([]);
  });

  it('is not told to create our tables, which is what the migrations do', async () => {
    const dataSource = await database.connect({ entities });
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries).toEqual([]);
  });

  it('changes its own tables beside ours', async () => {
    const dataSource = await database.connect({ entities: [...entities, Account], migrations, migrationsRun: true });
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.length).toBeGreaterThan(0);
    expect(upQueries.filter(({ query }) => !query.includes('account'))).toEqual([]);
    const runner = dataSource.createQueryRunner();
    const before = await schemaOf(runner);
    await dataSource.synchronize();
    expect(await schemaOf(runner)).toEqual(before);
    await runner.release();
    expect(await dataSource.getRepository(Account).count()).toBe(0);
  });
});

describe.each(databases)('the indexes, on %s', (kind) => {
  it('are named after the query they serve, and cover it', async () => {
    const database = await freshDatabase(kind);
    const dataSource = await database.connect({ entities, migrations, migrationsRun: true });
    // MySQL has no partial indexes.
    const where = (condition: string) => (kind === 'mariadb' ? '' : ` where ${condition}`);
    expect(await indexesOf(kind, dataSource)).toEqual([
      'cr3dentials_webhook_action_by_target (target_id, id)',
      'cr3dentials_webhook_attempt_by_delivery (delivery_id, id)',
      'cr3dentials_webhook_bulk_by_state (state, id)',
      `cr3dentials_webhook_delivery_by_reference (external_reference_id)${where('external_reference_id is not null')}`,
      `cr3dentials_webhook_delivery_by_reference_key (reference_key)${where('reference_key is not null')}`,
      'cr3dentials_webhook_delivery_by_session (idempotency_key) unique',
      `cr3dentials_webhook_delivery_by_state (state, delivery_id)${where("state in 'dead', 'unhandled', 'discarded', 'erased'")}`,
      `cr3dentials_webhook_delivery_by_tenant (tenant, id)${where("tenant <> ''")}`,
      `cr3dentials_webhook_delivery_due (next_attempt_at)${where('next_attempt_at is not null')}`,
      `cr3dentials_webhook_delivery_expired (lease_expires_at)${where('lease_expires_at is not null')}`,
      `cr3dentials_webhook_delivery_finished (finished_at)${where('finished_at is not null')}`,
      'cr3dentials_webhook_erasure_due (state, sweep_after)',
      'cr3dentials_webhook_instance_heard (heard_at)',
      `cr3dentials_webhook_rejection_by_reference_key (reference_key)${where('reference_key is not null')}`,
      `cr3dentials_webhook_rejection_by_session_key (session_key)${where('session_key is not null')}`,
      'cr3dentials_webhook_rejection_by_state (state, id)',
      'cr3dentials_webhook_rejection_repeated (fingerprint) unique',
    ]);
    await database.drop();
  });
});

/** As `name (columns in order) unique where condition`, from the database's own catalogue: TypeORM loses the order. */
async function indexesOf(kind: DatabaseKind, dataSource: DataSource): Promise<string[]> {
  if (kind === 'mariadb') {
    const rows: { name: string; columns: string; plain: number }[] = await dataSource.query(
      `SELECT INDEX_NAME AS name, GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX SEPARATOR ', ') AS columns, MAX(NON_UNIQUE) AS plain
       FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME LIKE 'cr3dentials%' GROUP BY INDEX_NAME`,
    );
    return rows.map(({ name, columns, plain }) => `${name} (${columns})${Number(plain) ? '' : ' unique'}`).toSorted();
  }
  const rows: { definition: string }[] = await dataSource.query(
    kind === 'postgres'
      ? `SELECT indexdef AS definition FROM pg_indexes WHERE schemaname = current_schema() AND indexname LIKE 'cr3dentials%'`
      : `SELECT sql AS definition FROM sqlite_master WHERE type = 'index' AND name LIKE 'cr3dentials%'`,
  );
  return rows.map(({ definition }) => readable(definition)).toSorted();
}

function readable(definition: string): string {
  const text = definition.replaceAll('"', '').replaceAll('::text', '').trim();
  const [, unique = '', name = '', columns = '', condition = ''] =
    /^CREATE (UNIQUE )?INDEX (\S+) ON .*?\(([^)]*)\)(?: WHERE (.*))?$/.exec(text) ?? [];
  const where =
    condition &&
    ` where ${condition
      .replaceAll(/[()]|::character varying/g, '')
      .replace(
        /(?:= ANY ARRAY\[(.*)\]\[\]|IN (.*))$/,
        (_, array: string | undefined, list: string) => `in ${array ?? list}`,
      )
      .replaceAll(/ IS NOT NULL/g, ' is not null')
      .trim()}`;
  return `${name} (${columns.trim()})${unique && ' unique'}${where}`;
}
