import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { DataSource, Table, type DataSourceOptions } from 'typeorm';
import { Effects1795392000009 } from '../support/app/effects.js';
import { freshDatabase, type DatabaseKind } from '../support/database/databases.js';
import { installAudit } from './audit.js';

/** The database that trials take place in. */
export interface Ground {
  readonly kind: DatabaseKind;
  /** For the hosts: perhaps through a proxy, perhaps as a user with fewer rights. */
  readonly options: DataSourceOptions;
  /** For the harness, which nothing is in the way of. */
  readonly direct: DataSourceOptions;
  close(): Promise<void>;
}

/** On the server that the tests have, or in a file. */
export async function sharedGround(kind: DatabaseKind): Promise<Ground> {
  const { options, drop } = await freshDatabase(kind);
  const ground = { kind, options, direct: options, close: drop };
  await furnish(ground);
  return ground;
}

/** The tables, and the audit. */
export async function furnish(ground: Ground): Promise<void> {
  const migrated = {
    entities: [...cr3dentialsWebhookEntities],
    migrations: [...cr3dentialsWebhookMigrations, Effects1795392000009],
    migrationsRun: true,
  };
  await visit(
    ground,
    async (connection) => {
      const runner = connection.createQueryRunner();
      const session = { name: 'session_id', type: 'varchar', length: '512' };
      await runner.createTable(new Table({ name: 'kept', columns: [session, { name: 'body', type: 'text' }] }));
      await runner.release();
      await installAudit(ground.kind, connection);
    },
    migrated,
  );
}

/** With a connection of its own: the server may have been away since the last. */
export async function visit<T>(
  { direct }: Ground,
  work: (connection: DataSource) => Promise<T>,
  more: Partial<DataSourceOptions> = {},
): Promise<T> {
  const connection = await new DataSource({ ...direct, ...more } as DataSourceOptions).initialize();
  try {
    return await work(connection);
  } finally {
    await connection.destroy();
  }
}
