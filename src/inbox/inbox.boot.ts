import type { DataSource } from 'typeorm';
import type { DatabaseConnection } from '../database/database.connection.js';
import { openDatabase } from '../database/database.connection.factory.js';
import { assertWritableFile } from '../database/writable.check.js';
import { assertEntities, assertSchema, synchronizeWithHost } from './schema.check.js';
import { Tables } from './tables.js';

/**
 * Opens the database of the inbox, and closes it again if the inbox cannot live in it.
 *
 * @param name the name that the host gives its DataSource
 * @throws Cr3dentialsWebhookError `DATA_SOURCE_MISSING`, `DATABASE_UNSUPPORTED`, `SCHEMA_INCOMPLETE` or
 *   `DATABASE_READ_ONLY`
 */
export async function openInbox(host: DataSource | undefined, name: string | undefined): Promise<DatabaseConnection> {
  assertEntities(host, name);
  await synchronizeWithHost(host);
  const connection = await openDatabase(host);
  try {
    const tables = new Tables(host);
    await assertSchema(connection, tables);
    await assertWritableFile(connection, tables.delivery);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
