import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { InATransaction, FailOnceWhenErrored, RememberEvents } from '../../support/app/doubles.js';
import { Delivery } from '../../../src/inbox/delivery.entity.js';
import { servers } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

describe.each(servers)('a DataSource with replication, on %s', (kind) => {
  const host = freshHost(kind);
  let name: string;
  let server: DataSource;
  let replication: { master: { url: string }; slaves: { url: string }[] };

  /** A replica that lags without end: it has our tables and none of our rows. */
  beforeEach(async () => {
    const { url = '', schema } = host.database.options as { url?: string; schema?: string };
    name = `${schema ?? new URL(url).pathname.slice(1)}_replica`;
    server = await new DataSource(host.database.options).initialize();
    await server.query(`CREATE DATABASE ${name}`);
    const replica = new URL(url);
    replica.pathname = `/${name}`;
    replication = { master: { url }, slaves: [{ url: replica.href }] };
    const options = { ...host.database.options, url: replica.href, entities: [...cr3dentialsWebhookEntities] };
    const migrations = [...cr3dentialsWebhookMigrations];
    const connection = await new DataSource({ ...options, migrations } as DataSourceOptions).initialize();
    if (schema) await connection.query(`CREATE SCHEMA ${schema}`);
    await connection.runMigrations();
    await connection.destroy();
  });

  afterEach(async () => {
    await server.query(`DROP DATABASE ${name}`).finally(() => server.destroy());
  });

  it('is read where it is written: the operator sees what was acknowledged', async () => {
    const app = await host.start((a) =>
      a
        .withDataSource({ replication, url: undefined } as Partial<DataSourceOptions>)
        .withHandlers(FailOnceWhenErrored, RememberEvents, InATransaction),
    );
    const body = payload({ status: 'ERROR' });
    for (const one of [body, body, { ...body, platformId: 2 }, { ...body, platformId: 'one' }])
      expect([200, 400]).toContain((await app.post(one)).status);
    // The control: what a host reads by a repository comes from the replica.
    expect(await app.nest.get(DataSource).getRepository(Delivery).count()).toBe(0);

    const { id } = await app.delivery(body.sessionId, 'completed');
    const { inbox } = app;
    expect(await inbox.find({ sessionId: String(body.sessionId) })).toMatchObject({ id, duplicates: 1 });
    expect(await inbox.list()).toHaveLength(1);
    expect(await inbox.stats()).toMatchObject({ completed: 1, openRejections: 2 });
    expect(await inbox.replay(id, { handlers: ['remember'] })).toBe('replayed');
    const [conflict] = await inbox.rejections.list({ reason: 'conflict' });
    expect(await inbox.rejections.find(String(conflict?.id))).toMatchObject({ sessionId: body.sessionId });
    expect(await inbox.rejections.accept(String(conflict?.id))).not.toBe('unknown');
    await host.stop(app);
  });
});
