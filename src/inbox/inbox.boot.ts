import type { DataSource } from 'typeorm';
import type { DatabaseConnection } from '../database/database.connection.js';
import { openDatabase, type DatabaseSetup } from '../database/database.connection.factory.js';
import { assertWritableFile } from '../database/writable.check.js';
import { cr3dentialsWebhookEntities } from './entities.js';
import { useGivenNames } from './given-names.js';
import { migrateIfHostSynchronizes } from './migrations/migrate-on-synchronize.js';
import { assertEntities, assertSchema } from './schema.check.js';
import { assertRoundTrip } from './round-trip.check.js';
import { Tables } from './tables.js';

/**
 * Opens the database of the inbox, and closes it again if the inbox cannot live in it.
 *
 * @param name the name that the host gives its DataSource
 * @throws Cr3dentialsWebhookError `DATA_SOURCE_MISSING`, `DATABASE_UNSUPPORTED`, `SCHEMA_INCOMPLETE`,
 *   `DATABASE_READ_ONLY`, `DATABASE_ENCODING` or `OPTIONS_INVALID`
 */
export async function openInbox(
  host: DataSource | undefined,
  name: string | undefined,
  settings: Pick<DatabaseSetup, 'connections' | 'listenNotify' | 'timeouts'>,
): Promise<DatabaseConnection> {
  assertEntities(host, name);
  useGivenNames(host);
  await migrateIfHostSynchronizes(host);
  const connection = await openDatabase({ host, entities: [...cr3dentialsWebhookEntities], ...settings });
  try {
    const tables = new Tables(host);
    await assertSchema(connection, tables);
    await assertWritableFile(connection, tables.delivery);
    await assertRoundTrip(connection, tables);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
