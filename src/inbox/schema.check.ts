import type { DataSource, EntityMetadata } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { Delivery } from './delivery.entity.js';
import { formatDatabaseError, isUnavailable } from '../database/database.errors.js';
import type { DatabaseConnection } from '../database/database.connection.js';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from './migrations/index.js';
import { raw, sql } from '../database/sql.js';
import type { Tables } from './tables.js';

const MIGRATIONS = cr3dentialsWebhookMigrations.map(({ name }) => name).join(', ');

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
  if (!cr3dentialsWebhookEntities.every((entity) => host.hasMetadata(entity))) {
    if (host.entityMetadatas.some(isOfAnotherCopy)) {
      throw new Cr3dentialsWebhookError(
        'DATA_SOURCE_MISSING',
        `The DataSource "${name}" has our entities from another copy of this package. Keep one installed, and load it everywhere by "import" or everywhere by "require".`,
      );
    }
    throw new Cr3dentialsWebhookError(
      'DATA_SOURCE_MISSING',
      `The DataSource "${name}" does not know our entities. Add entities: [...cr3dentialsWebhookEntities] to it, or autoLoadEntities: true.`,
    );
  }
}

/** Tells whether an entity is of another copy of this package. Its two builds are two copies of each class. */
function isOfAnotherCopy({ givenTableName, target }: EntityMetadata): boolean {
  return givenTableName === 'cr3dentials_webhook_delivery' && target !== Delivery;
}

/**
 * Sets up our schema if the host lets TypeORM synchronise its own. It runs the migrations, which know the types that
 * fit each database.
 */
export async function synchronizeWithHost(host: DataSource): Promise<void> {
  if (!host.options.synchronize) return;
  const runner = host.createQueryRunner();
  try {
    await runner.startTransaction();
    for (const Migration of cr3dentialsWebhookMigrations) await new Migration().up(runner);
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction().catch(() => {}); // the first error is the cause
    throw error;
  } finally {
    await runner.release();
  }
}

/**
 * Checks that every table has every column.
 *
 * @throws Cr3dentialsWebhookError `SCHEMA_INCOMPLETE`, naming the migration to run
 */
export async function assertSchema(
  connection: DatabaseConnection,
  { delivery, deliveryState, handlerRun, handlerSet, rejection, key, task }: Tables,
): Promise<void> {
  const tables = [delivery, deliveryState, handlerRun, handlerSet, rejection, key, task];
  for (const [index, entity] of cr3dentialsWebhookEntities.entries()) {
    const columns = connection.host.getMetadata(entity).columns.map(({ databaseName }) => databaseName);
    await connection
      .execute(sql`SELECT ${raw(columns.join(', '))} FROM ${tables[index]} WHERE 1 = 0`)
      .catch((error: unknown) => {
        if (isUnavailable(connection.dialect, error)) throw error;
        throw new Cr3dentialsWebhookError(
          'SCHEMA_INCOMPLETE',
          `The table ${tables[index]?.strings[0]} is missing or incomplete (${formatDatabaseError(error)}). Run the migration ${MIGRATIONS}: add migrations: [...cr3dentialsWebhookMigrations] and migrationsRun: true to the DataSource, or run "typeorm migration:run".`,
        );
      });
  }
}
