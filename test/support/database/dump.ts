import type { TestDatabase } from './databases.js';

/** Tables with rows about sessions, each with its key. */
const TABLES = {
  delivery: 'id',
  delivery_state: 'delivery_id',
  handler_run: 'delivery_id',
  rejection: 'id',
} as const;

export type DumpedTable = keyof typeof TABLES;
export type Dump = Record<DumpedTable, Record<string, unknown>[]>;

/** Reads all rows about sessions, in the order of their keys. */
export async function dumpRows(database: TestDatabase): Promise<Dump> {
  const beside = await database.connect();
  const dump = {} as Dump;
  for (const [table, key] of Object.entries(TABLES))
    dump[table as DumpedTable] = await beside.query(`SELECT * FROM cr3dentials_webhook_${table} ORDER BY ${key}`);
  await beside.destroy();
  return dump;
}

/** Puts rows back as a restored backup does: all of these, and none else. The record of erasures is rolled back as well. */
export async function restoreRows(database: TestDatabase, dump: Dump): Promise<void> {
  const beside = await database.connect();
  await beside.query('DELETE FROM cr3dentials_webhook_erasure');
  for (const table of Object.keys(TABLES) as DumpedTable[]) {
    await beside.query(`DELETE FROM cr3dentials_webhook_${table}`);
    for (const row of dump[table]) {
      const places = Object.keys(row).map((_, n) => (database.kind === 'postgres' ? `$${n + 1}` : '?'));
      await beside.query(
        `INSERT INTO cr3dentials_webhook_${table} (${Object.keys(row).join(', ')}) VALUES (${places.join(', ')})`,
        Object.values(row),
      );
    }
  }
  await beside.destroy();
}
