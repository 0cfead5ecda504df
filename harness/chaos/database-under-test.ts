import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { DataSource, Table, type DataSourceOptions } from 'typeorm';
import { Effects1795392000009 } from '../../test/support/app/effects.js';
import { freshDatabase, type DatabaseKind } from '../../test/support/database/databases.js';
import { installAudit } from './audit.js';
import type { NetworkNamespace } from './servers/network-namespace.js';

/** A database that hosts use while faults are injected. */
export interface DatabaseUnderTest {
  readonly kind: DatabaseKind;
  /** Connects the hosts, perhaps through a proxy or as a user with fewer rights. */
  readonly options: DataSourceOptions;
  /** Connects the harness, past every fault but the server's end. */
  readonly directOptions: DataSourceOptions;
  /** The machines that the hosts run on. @default this one */
  readonly namespaces?: readonly NetworkNamespace[];
  close(): Promise<void>;
}

/** Creates an empty database on the tests' server, or in a file for SQLite. */
export async function openSharedDatabase(kind: DatabaseKind): Promise<DatabaseUnderTest> {
  const { options, drop } = await freshDatabase(kind);
  const database = { kind, options, directOptions: options, close: drop };
  await prepareSchema(database);
  return database;
}

/** Creates the tables, and the triggers of the audit. */
export async function prepareSchema(database: DatabaseUnderTest): Promise<void> {
  const migrated = {
    entities: [...cr3dentialsWebhookEntities],
    migrations: [...cr3dentialsWebhookMigrations, Effects1795392000009],
    migrationsRun: true,
  };
  await withConnection(
    database,
    async (connection) => {
      const runner = connection.createQueryRunner();
      const session = { name: 'session_id', type: 'varchar', length: '512' };
      await runner.createTable(new Table({ name: 'handled_body', columns: [session, { name: 'body', type: 'text' }] }));
      await runner.release();
      await installAudit(database.kind, connection);
    },
    migrated,
  );
}

/** Runs `work` on a new connection, because the server may have been down since the last one. */
export async function withConnection<T>(
  { directOptions }: DatabaseUnderTest,
  work: (connection: DataSource) => Promise<T>,
  more: Partial<DataSourceOptions> = {},
): Promise<T> {
  const connection = await new DataSource({ ...directOptions, ...more } as DataSourceOptions).initialize();
  try {
    return await work(connection);
  } finally {
    await connection.destroy();
  }
}
