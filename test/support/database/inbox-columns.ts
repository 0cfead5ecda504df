import type { DataSource } from 'typeorm';
import { lookForCanaries } from '../app/canaries.js';

const TABLE = /cr3dentials_webhook_(delivery|handler_run|rejection)$/;
/** What the provider has sent stands here, and nowhere else. */
const CONTENT = new Set(['raw_body']);

/** Looks at every column of the inbox that is not the content, in one schema of a server or in a file. */
export async function lookAtColumns(connection: DataSource, schema?: string): Promise<void> {
  const tables: { name: string }[] = await connection.query(
    schema
      ? `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${schema}'`
      : `SELECT name FROM sqlite_master WHERE type = 'table'`,
  );
  for (const { name } of tables.filter((table) => TABLE.test(table.name))) {
    const quoted = connection.driver.escape(name);
    const rows: Record<string, unknown>[] = await connection.query(
      `SELECT * FROM ${schema ? `${connection.driver.escape(schema)}.` : ''}${quoted}`,
    );
    for (const row of rows)
      for (const [column, value] of Object.entries(row))
        if (!CONTENT.has(column)) lookForCanaries(`${name}.${column}`, String(value));
  }
}
