import type { DataSource } from 'typeorm';
import { lookForCanaries } from '../app/canaries.js';
import { TEST_KEY } from '../app/test-encryption.js';

const TABLE =
  /cr3dentials_webhook_(delivery|delivery_state|handler_run|handler_set|rejection|key|task|erasure|action|bulk|attempt|tally|instance|secret_use)$/;
/** What the provider has sent stands here, and nowhere else. In a sealed row it stands nowhere. */
const CONTENT = new Set(['raw_body']);

/** Looks at every column of the inbox that is not the content, in one schema of a server or in a file. */
export async function lookAtColumns(connection: DataSource, schema?: string): Promise<void> {
  const tables: { name: string }[] = await connection.query(
    schema
      ? `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${schema}'`
      : `SELECT name FROM sqlite_master WHERE type = 'table'`,
  );
  const isSealed = await hasTestKey(connection, schema);
  for (const { name } of tables.filter((table) => TABLE.test(table.name))) {
    const quoted = connection.driver.escape(name);
    const rows: Record<string, unknown>[] = await connection.query(
      `SELECT * FROM ${schema ? `${connection.driver.escape(schema)}.` : ''}${quoted}`,
    );
    for (const row of rows)
      for (const [column, value] of Object.entries(row))
        if (!CONTENT.has(column) || isSealed || typeof row.key_id === 'string')
          lookForCanaries(`${name}.${column}`, String(value));
  }
}

/** Tells whether an app has used the inbox with the key of `TEST_ENCRYPTION=on`: it has no plain rows then. */
async function hasTestKey(connection: DataSource, schema?: string): Promise<boolean> {
  const prefix = schema ? `${connection.driver.escape(schema)}.` : '';
  const query = `SELECT key_id FROM ${prefix}cr3dentials_webhook_key WHERE key_id = '${TEST_KEY.id}'`;
  return connection.query<unknown[]>(query).then(
    (rows) => rows.length > 0,
    () => false, // the spec has no such table
  );
}
