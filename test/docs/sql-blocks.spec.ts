import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { databases, freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { blocks } from '../support/sources/documents.js';

const statements = blocks().filter(({ language }) => language === 'sql');

describe.each(databases)('SQL of the documents, on %s', (kind) => {
  let database: TestDatabase;
  let connection: DataSource;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    connection = await database.connect({
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    });
  });

  afterAll(() => database.drop());

  const meant = statements.filter(({ says }) => !says.on || says.on.split(/,\s*/).includes(kind));

  it.each(meant.map(({ document, line, code }) => [`${document}:${line}`, code] as const))(
    'runs against an inbox: %s',
    async (_, code) => {
      for (const statement of code
        .trim()
        .split(/;\s*(?:\n|$)/)
        .filter(Boolean))
        expect(await connection.query<unknown[]>(statement)).toEqual(expect.any(Array));
    },
  );

  it('that is wrong would fail', async () => {
    await expect(connection.query('SELECT no_such_column FROM cr3dentials_webhook_delivery')).rejects.toThrow(
      'no_such_column',
    );
  });
});
