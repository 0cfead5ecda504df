import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { DataSourceOptions } from 'typeorm';
import { RememberEvents } from '../../support/app/doubles.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp } from '../../support/app/webhook-app.js';
import { freshDatabase, servers, urlOf, type TestDatabase } from '../../support/database/databases.js';

/** What a host may write where the type wants one database's options. */
const host = (options: Record<string, unknown>): Partial<DataSourceOptions> => options;
const on = (kind: string) => servers.filter((server) => server === kind);

describe.each(on('postgres'))('a database on %s in LATIN1', (kind) => {
  const latin = `cr3d_latin1_${randomBytes(6).toString('hex')}`;
  let database: TestDatabase;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    await administer(`CREATE DATABASE ${latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
  });

  afterEach(async () => {
    await administer(`DROP DATABASE ${latin} WITH (FORCE)`);
    await database.drop();
  });

  async function administer(statement: string): Promise<void> {
    const connection = await database.connect();
    await connection.query(statement).finally(() => connection.destroy());
  }

  it('stops the boot, before anything is acknowledged that it cannot keep', async () => {
    const url = new URL(urlOf(database));
    url.pathname = `/${latin}`;
    const boot = webhookApp(database)
      .withHandlers(RememberEvents)
      .withDataSource(host({ url: url.href, schema: 'public' }))
      .start();
    await expect(boot).rejects.toMatchObject({
      code: 'DATABASE_ENCODING',
      message: expect.stringContaining('Use a database in UTF-8'),
    });
  });
});

describe.each(on('mariadb'))('a connection of the host to %s in latin1', (kind) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await freshDatabase(kind);
  });

  afterEach(() => database.drop());

  it('is not that of the inbox, which keeps every character', async () => {
    const app = await webhookApp(database)
      .withHandlers(RememberEvents)
      .withDataSource(host({ charset: 'latin1' }))
      .start();
    const holder = 'Ģirts 山田 🙂';
    const body = payload({ extractedData: { accountHolder: holder } });
    expect((await app.post(body)).status).toBe(200);
    const { id } = await app.delivery(body.sessionId, 'completed');
    expect((await app.inbox.find(id))?.rawBody).toContain(holder);
    await app.stop();
  });
});
