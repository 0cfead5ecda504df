import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { DatabaseConnection } from './database.connection.js';
import { formatDatabaseError } from './database.errors.js';
import { sqliteDialect } from './dialect/sqlite.dialect.js';
import { sql, type Sql } from './sql.js';

/**
 * Tries a write that changes nothing, on a SQLite file. A file that was opened read-only stays so until it is opened
 * again, even if its disk is repaired. Servers accept writes again by themselves.
 *
 * @param table any table of the file
 * @throws Cr3dentialsWebhookError `DATABASE_READ_ONLY`
 */
export async function assertWritableFile(connection: DatabaseConnection, table: Sql): Promise<void> {
  if (connection.dialect !== sqliteDialect) return;
  await connection.execute(sql`DELETE FROM ${table} WHERE 1 = 0`).catch((error: unknown) => {
    if (!/SQLITE_READONLY/.test(formatDatabaseError(error))) return; // busy, or full: that passes
    throw new Cr3dentialsWebhookError(
      'DATABASE_READ_ONLY',
      'The database file could be opened only for reading. Make the file, its folder and its disk writable, and start again.',
      { cause: error },
    );
  });
}
