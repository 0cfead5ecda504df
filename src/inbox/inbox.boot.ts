import type { DataSource } from 'typeorm';
import type { DatabaseConnection } from '../database/database.connection.js';
import { openDatabase, type Opening } from '../database/database.connection.factory.js';
import { assertWritableFile } from '../database/writable.check.js';
import { cr3dentialsWebhookEntities } from './migrations/index.js';
import { useGivenNames } from './given-names.js';
import { assertEntities, assertSchema, synchronizeWithHost } from './schema.check.js';
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
  settings: Pick<Opening, 'connections' | 'listenNotify' | 'timeouts'>,
): Promise<DatabaseConnection> {
  assertEntities(host, name);
  useGivenNames(host);
  await synchronizeWithHost(host);
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
