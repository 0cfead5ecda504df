import { randomBytes } from 'node:crypto';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { DatabaseConnection } from '../database/database.connection.js';
import { formatDatabaseError, isLocked, isTransient, isUnavailable } from '../database/database.errors.js';
import type { ExecuteSql } from '../database/dialect/dialect.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import type { Tables } from './tables.js';
import { newId } from '../new-id.js';

/**
 * Text that a session may garble: quotes, backslashes, wild cards, controls, characters of one to four bytes, end
 * spaces.
 */
const PROBE = `"a" 'b' \`c\` \\ \\' \\n %_ $1 ? \t\r\n é ß 漢字 🙂  `;

/** One row of each table, with the text in every column that holds text as it was sent. */
const ROWS = [
  {
    table: 'delivery',
    key: 'id',
    texts: ['tenant', 'session_id', 'external_reference_id', 'raw_body'],
    others: () => ({
      idempotency_key: hash(),
      status: 'ERROR',
      platform_id: 1,
      fingerprint: hash(),
      received_at: 0,
    }),
  },
  {
    table: 'handlerRun',
    key: 'delivery_id',
    texts: ['handler', 'last_error'],
    others: () => ({ state: 'dead', updated_at: 0 }),
  },
  {
    table: 'rejection',
    key: 'id',
    texts: ['tenant', 'session_id', 'detail', 'raw_body'],
    others: () => ({
      fingerprint: hash(),
      reason: 'invalid',
      state: 'discarded',
      first_received_at: 0,
      last_received_at: 0,
    }),
  },
] as const;

/**
 * Writes texts, reads them back and rolls back. A session or a column with another character set stores other text than
 * was sent, without an error. A database that cannot be written now is not checked.
 *
 * @throws Cr3dentialsWebhookError `DATABASE_ENCODING`
 */
export async function assertRoundTrip(connection: DatabaseConnection, tables: Tables): Promise<void> {
  const { dialect } = connection;
  const garbled: string[] = [];
  await connection
    .transaction(async (execute) => {
      for (const row of ROWS) garbled.push(...(await garbledColumns(execute, tables[row.table], row)));
      throw new RolledBack();
    })
    .catch((error: unknown) => {
      if (error instanceof RolledBack) return;
      if (isUnavailable(dialect, error) || isTransient(dialect, error) || isLocked(dialect, error)) return;
      throw encodingError(`A row was refused: ${formatDatabaseError(error)}.`, error);
    });
  if (garbled.length > 0) throw encodingError(`Other text came back from ${garbled.join(', ')}.`);
}

async function garbledColumns(
  execute: ExecuteSql,
  table: Sql,
  { key, texts, others }: (typeof ROWS)[number],
): Promise<string[]> {
  const id = newId();
  const columns = { [key]: id, ...Object.fromEntries(texts.map((column) => [column, PROBE])), ...others() };
  await execute(
    sql`INSERT INTO ${table} (${raw(Object.keys(columns).join(', '))}) VALUES (${join(Object.values(columns))})`,
  );
  const { records } = await execute(sql`SELECT ${raw(texts.join(', '))} FROM ${table} WHERE ${raw(key)} = ${id}`);
  return texts
    .filter((column) => records[0]?.[column] !== PROBE)
    .map((column) => `${table.strings.join('')}.${column}`);
}

/** Thrown inside the transaction, which is to leave nothing. */
class RolledBack extends Error {}

function encodingError(what: string, cause?: unknown): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'DATABASE_ENCODING',
    `The database does not keep quotes, backslashes and characters of every language as they are sent. ${what} Use a database in UTF-8 (MySQL and MariaDB: utf8mb4), the columns of the migration as they are, and a user that may write to its tables.`,
    { cause },
  );
}

function hash(): string {
  return randomBytes(32).toString('hex');
}
