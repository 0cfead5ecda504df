import type { DataSource, EntityMetadata } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { Delivery } from './delivery.entity.js';
import { formatDatabaseError, isUnavailable } from '../database/database.errors.js';
import type { DatabaseConnection } from '../database/database.connection.js';
import { cr3dentialsWebhookEntities } from './entities.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { remedyFor } from './schema.remedy.js';
import type { Tables } from './tables.js';

/**
 * Checks that there is a DataSource, and that it has our entities.
 *
 * @throws Cr3dentialsWebhookError `DATA_SOURCE_MISSING`
 */
export function assertEntities(host: DataSource | undefined, name = 'default'): asserts host is DataSource {
  if (!host) {
    throw new Cr3dentialsWebhookError(
      'DATA_SOURCE_MISSING',
      `There is no DataSource "${name}". Import TypeOrmModule.forRoot(…), or name yours in the option "dataSource".`,
    );
  }
  if (!host.isInitialized) {
    throw new Cr3dentialsWebhookError(
      'DATA_SOURCE_MISSING',
      `The DataSource "${name}" is not initialized when this module boots. Remove manualInitialization: true, or await its initialize() in dataSourceFactory.`,
    );
  }
  if (!cr3dentialsWebhookEntities.every((entity) => host.hasMetadata(entity))) {
    if (host.entityMetadatas.some(isOfAnotherCopy)) {
      throw new Cr3dentialsWebhookError(
        'DATA_SOURCE_MISSING',
        `The DataSource "${name}" has the entities of another copy of this package. Keep one installed, and load it everywhere by "import" or everywhere by "require".`,
      );
    }
    throw new Cr3dentialsWebhookError(
      'DATA_SOURCE_MISSING',
      `The DataSource "${name}" does not know the entities of this package. Add entities: [...cr3dentialsWebhookEntities] to it, or autoLoadEntities: true.`,
    );
  }
}

/** Tells whether an entity is of another copy of this package. Its two builds are two copies of each class. */
function isOfAnotherCopy({ givenTableName, target }: EntityMetadata): boolean {
  return givenTableName === 'cr3dentials_webhook_delivery' && target !== Delivery;
}

/**
 * Checks that every table has every column.
 *
 * @throws Cr3dentialsWebhookError `SCHEMA_INCOMPLETE`, naming what to do
 */
export async function assertSchema(connection: DatabaseConnection, tables: Tables): Promise<void> {
  const { delivery, deliveryState, handlerRun, handlerSet, rejection, key, task, erasure, action } = tables;
  const { bulk, attempt, tally, instance, secretUse } = tables;
  const received = [delivery, deliveryState, handlerRun, handlerSet, rejection, key, task, erasure, action];
  const all = [...received, bulk, attempt, tally, instance, secretUse];
  for (const [index, entity] of cr3dentialsWebhookEntities.entries()) {
    const columns = connection.hostDataSource.getMetadata(entity).columns.map(({ databaseName }) => databaseName);
    await assertColumns(connection, all[index] as Sql, columns);
  }
}

async function assertColumns(connection: DatabaseConnection, table: Sql, columns: readonly string[]): Promise<void> {
  try {
    await connection.execute(sql`SELECT ${raw(columns.join(', '))} FROM ${table} WHERE 1 = 0`);
  } catch (error) {
    if (isUnavailable(connection.dialect, error)) throw error;
    throw new Cr3dentialsWebhookError(
      'SCHEMA_INCOMPLETE',
      `The table ${table.strings[0]} is missing or incomplete (${formatDatabaseError(error)}). ${await remedyFor(connection, table)}`,
    );
  }
}
