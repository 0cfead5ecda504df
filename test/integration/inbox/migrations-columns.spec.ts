import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, PermanentError } from 'nestjs-cr3dentials-webhook';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook/migrations';
import { DataSource } from 'typeorm';
import { sharedHost } from '../../support/app/fresh-host.js';
import { Rejection } from '../../../src/inbox/rejection.entity.js';
import { databases, freshDatabase, type DatabaseKind, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { SECRET, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const entities = [...cr3dentialsWebhookEntities];
const migrations = [...cr3dentialsWebhookMigrations];

/** What each database calls the type that an entity names. */
const TYPES: Record<string, Record<DatabaseKind, string>> = {
  varchar: { sqlite: 'varchar', postgres: 'character varying', mariadb: 'varchar' },
  text: { sqlite: 'text', postgres: 'text', mariadb: 'text' },
  int: { sqlite: 'integer', postgres: 'integer', mariadb: 'int' },
  bigint: { sqlite: 'bigint', postgres: 'bigint', mariadb: 'bigint' },
  'double precision': { sqlite: 'double precision', postgres: 'double precision', mariadb: 'double' },
};
/** MariaDB's `text` ends after 64 kB. */
const BODIES = new Set(['raw_body', 'session_keys', 'rejection_ids']);

function isHash(column: string): boolean {
  return /\.(id|delivery_id|target_id|bulk_id|cursor_id|instance|idempotency_key|fingerprint|claim_id|session_key|reference_key|key_id|trace_context|replay_trace_context)$/.test(
    column,
  );
}

function typeOn(kind: DatabaseKind, name: string, type: string): string | undefined {
  return kind === 'mariadb' && BODIES.has(name) ? 'longtext' : TYPES[type]?.[kind];
}

/** Dies with what it was told, in a text that no single-byte charset holds. */
@Injectable()
class FailForGood {
  @OnVerification({ id: 'fail-for-good' })
  fail(): never {
    throw new PermanentError('Die Bank \u{1F3E6} hat zu.');
  }
}

describe.each(databases)('the columns, on %s', (kind) => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await database.connect({ entities, migrations, migrationsRun: true });
  });

  afterAll(() => database.drop());

  it.each(entities.map((entity) => [entity.name, entity] as const))(
    'are exactly those that the entity %s declares',
    async (_, entity) => {
      const { columns, tablePath } = dataSource.getMetadata(entity);
      const runner = dataSource.createQueryRunner();
      const table = await runner.getTable(tablePath);
      await runner.release();
      const stored = table?.columns.map(({ name, type, length, isNullable, isPrimary }) => ({
        name,
        type,
        length,
        isNullable,
        isPrimary,
      }));
      const declared = columns.map(({ databaseName: name, type, length, isNullable, isPrimary }) => ({
        name,
        type: typeOn(kind, name, String(type)),
        length,
        isNullable,
        isPrimary,
      }));
      expect(declared.length).toBeGreaterThan(2);
      expect(stored).toEqual(declared);
    },
  );

  it.each(entities.map((entity) => [entity.name, entity] as const))(
    'with epoch milliseconds in %s are read as numbers, whatever the driver makes of a bigint',
    (_, entity) => {
      const times = dataSource.getMetadata(entity).columns.filter(({ type }) => type === 'bigint');
      expect(times.length).toBeGreaterThan(0);
      for (const column of times) {
        expect([column.databaseName, dataSource.driver.prepareHydratedValue('1742817900000', column)]).toEqual([
          column.databaseName,
          1_742_817_900_000,
        ]);
        expect(dataSource.driver.prepareHydratedValue(null, column)).toBeNull();
      }
    },
  );

  it('with epoch milliseconds store times far from now', async () => {
    const rejections = dataSource.getRepository(Rejection);
    const row = { fingerprint: 'f', reason: 'invalid', detail: '', rawBody: '', tenant: '', state: 'open' } as const;
    const [firstReceivedAt, lastReceivedAt] = [Date.UTC(2025, 2, 24), Date.UTC(9999, 11, 31)];
    await rejections.insert({ ...row, id: '1', repeats: 0, firstReceivedAt, lastReceivedAt });
    expect(await rejections.findOneByOrFail({ id: '1' })).toMatchObject({ firstReceivedAt, lastReceivedAt });
  });
});

describe.each(databases)('a host on %s that accepts large bodies', (kind) => {
  const host = sharedHost(kind, (a) => a.on('fastify').withRawBody());

  const large = { statement: 'line of a bank statement, '.repeat(12_000) };

  it('stores a body of 300 kB whole, as a delivery', async () => {
    const body = JSON.stringify(payload({ sessionId: 'large', extractedData: large }));
    expect(body.length).toBeGreaterThan(300_000);
    expect(await host.app.post(body)).toMatchObject({ status: 200 });
    const delivery = await host.app.delivery('large', 'pending');
    expect(delivery.rawBody === body).toBe(true);
  });

  it('stores a body of 300 kB whole, as a rejection', async () => {
    const body = JSON.stringify(payload({ sessionId: 'large too', status: 'NEW', extractedData: large }));
    expect(await host.app.post(body)).toMatchObject({ status: 200 });
    const [rejection] = await host.app.rejections();
    expect(rejection?.rawBody === body).toBe(true);
  });
});

for (const kind of databases.filter((one) => one === 'mariadb')) {
  describe('a MariaDB database whose default charset is latin1', () => {
    let database: TestDatabase;
    let app: WebhookApp;

    beforeAll(async () => {
      database = await freshDatabase(kind);
      const administrator = await database.connect();
      await administrator.query('ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_swedish_ci');
      await administrator.query('CREATE TABLE of_the_host (name VARCHAR(10))');
      const auth = { resolveSecrets: () => ({ tenant: 'Bank \u{1F3E6}', secrets: [SECRET] }) };
      app = await webhookApp(database).withOptions({ auth }).withHandlers(FailForGood).start();
    });

    afterAll(async () => {
      await app?.stop();
      await database?.drop();
    });

    function columns(where: string): Promise<{ name: string; collation: string }[]> {
      return app.nest.get(DataSource).query(
        `SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) AS name, COLLATION_NAME AS collation FROM information_schema.COLUMNS
           WHERE TABLE_SCHEMA = DATABASE() AND COLLATION_NAME IS NOT NULL AND ${where}`,
      );
    }

    it('has that charset', async () => {
      expect(await columns(`TABLE_NAME = 'of_the_host'`)).toEqual([
        { name: 'of_the_host.name', collation: 'latin1_swedish_ci' },
      ]);
    });

    it('has our text in exact and complete columns all the same, and hashes and ids in ASCII', async () => {
      const ours = await columns(`TABLE_NAME LIKE 'cr3dentials_webhook%'`);
      expect(ours.length).toBeGreaterThan(20);
      expect(
        ours.filter(({ name, collation }) => collation !== (isHash(name) ? 'ascii_bin' : 'utf8mb4_nopad_bin')),
      ).toEqual([]);
    });

    it('stores every character of a delivery', async () => {
      const body = payload({
        sessionId: 'Sitzung \u{1F511}',
        externalReferenceId: 'пользователь \u{1F464}',
        extractedData: { accountHolder: 'Zoë \u{1F98A} 李' },
      });
      expect(await app.post(body)).toMatchObject({ status: 200 });
      const delivery = await app.delivery(body.sessionId, 'dead', 'Bank \u{1F3E6}');
      expect(delivery).toMatchObject({
        tenant: 'Bank \u{1F3E6}',
        sessionId: 'Sitzung \u{1F511}',
        externalReferenceId: 'пользователь \u{1F464}',
        runs: [{ handler: 'fail-for-good', lastError: 'PermanentError: Die Bank \u{1F3E6} hat zu.' }],
      });
      expect(JSON.parse(String(delivery.rawBody))).toEqual(body);
      expect(
        await app.inbox.list({ externalReferenceId: 'пользователь \u{1F464}', tenant: delivery.tenant }),
      ).toHaveLength(1);
    });

    it('stores every character of a rejection', async () => {
      expect(await app.post(payload({ status: 'STATUS \u{1F511}', proofHash: '李' }))).toMatchObject({ status: 200 });
      const [rejection] = await app.rejections({ reason: 'unknown-status' });
      expect(rejection).toMatchObject({ tenant: 'Bank \u{1F3E6}', detail: 'STATUS \u{1F511}' });
      expect(rejection?.rawBody).toContain('"proofHash":"李"');
    });

    it('tells apart sessions that its collation compares as equal', async () => {
      const [one, other] = [payload({ externalReferenceId: 'Zoe' }), payload({ externalReferenceId: 'zoë' })];
      for (const body of [one, other]) expect(await app.post(body)).toMatchObject({ status: 200 });
      const found = await app.inbox.list({ externalReferenceId: 'zoë' });
      expect(found.map(({ sessionId }) => sessionId)).toEqual([other.sessionId]);
    });
  });
}
