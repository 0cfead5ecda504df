import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSourceOptions } from 'typeorm';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { webhookApp } from '../../support/app/webhook-app.js';

describe('a SQLite file that is read-only', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
    await (await webhookApp(database).start()).stop();
  });

  afterEach(() => database.drop());

  // An inbox that has begun so would answer 503 for good, also after its disk takes writes again.
  it('stops the boot, with the remedy', async () => {
    const readOnly = { readonly: true, migrationsRun: false, synchronize: false } as Partial<DataSourceOptions>;
    await expect(webhookApp(database).withDataSource(readOnly).start()).rejects.toMatchObject({
      code: 'DATABASE_READ_ONLY',
      message: expect.stringMatching(/Make the file, its folder and its disk writable, and start again\.$/),
    });
  });
});
