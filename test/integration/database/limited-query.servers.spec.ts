import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseTimeoutError } from '../../../src/database/database.errors.js';
import { queryWithLimit } from '../../../src/database/limited.query.js';
import { sql } from '../../../src/database/sql.js';
import { freshDatabase, servers, type TestDatabase } from '../../support/database/databases.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';

describe.each(servers)('a query of an operator, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.open(database);
  });

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  it('is ended by the server when it takes too long', async () => {
    const asleep =
      kind === 'postgres'
        ? sql`SELECT pg_sleep(10)`
        : sql`SELECT SLEEP(10) AS a FROM ${inbox.tables.task} RIGHT JOIN (SELECT 1) one ON true`;
    const begun = performance.now();
    await expect(queryWithLimit(inbox.connection, asleep, 200)).rejects.toBeInstanceOf(DatabaseTimeoutError);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(await queryWithLimit(inbox.connection, sql`SELECT 1 AS one`, 200)).toHaveLength(1);
  });
});
