import { setImmediate as othersTurn } from 'node:timers/promises';
import type { DatabaseConnection } from '../database/database.connection.js';
import type { Lane } from '../database/lanes.js';
import { allOf, raw, sql, type Sql } from '../database/sql.js';

/** Entries of an index that one query counts where the driver stops the event loop meanwhile. */
const SLICE_ENTRIES = 5_000;

/** Rows that an index has. */
export interface IndexedRows {
  readonly table: Sql;
  /** Condition, written as the index has it. */
  readonly condition: Sql;
  /** Column by which the index has them in order. */
  readonly column: string;
}

/**
 * Counts rows by indexes: servers in one query, a file in small ones, however many there are. The numbers of a file are
 * those of times that differ a little.
 */
export async function countIndexed<N extends string>(
  connection: DatabaseConnection,
  rows: Readonly<Record<N, IndexedRows>>,
  lane: Lane,
): Promise<Record<N, number>> {
  const all = Object.entries<IndexedRows>(rows);
  if (!connection.dialect.isServer) {
    const counts = new Map<string, number>();
    for (const [name, one] of all) counts.set(name, await countInSlices(connection, one, lane));
    return Object.fromEntries(counts) as Record<N, number>;
  }
  const each = all.map(([name, { table, condition }]) => {
    return sql`SELECT ${raw(`'${name}'`)} AS name, COUNT(*) AS n FROM ${table} WHERE ${condition}`;
  });
  const { records } = await connection.execute(
    each.reduce((before, next) => sql`${before} UNION ALL ${next}`),
    lane,
  );
  return Object.fromEntries(records.map(({ name, n }) => [String(name), Number(n)])) as Record<N, number>;
}

async function countInSlices(
  connection: DatabaseConnection,
  { table, condition, column }: IndexedRows,
  lane: Lane,
): Promise<number> {
  const ask = async (query: Sql) => (await connection.execute(query, lane)).records[0] ?? {};
  const place = raw(column);
  let total = 0;
  for (let behind: Sql[] = []; ; await othersTurn()) {
    const slice = sql`SELECT ${place} AS place FROM ${table} WHERE ${allOf([condition, ...behind])}
      ORDER BY ${place} LIMIT ${raw(String(SLICE_ENTRIES))}`;
    const { n, last } = await ask(sql`SELECT COUNT(*) AS n, MAX(place) AS last FROM (${slice}) slice`);
    if (Number(n) < SLICE_ENTRIES) return total + Number(n);
    const upTo = allOf([condition, ...behind, sql`${place} <= ${last}`]); // several may have the last place
    total += Number((await ask(sql`SELECT COUNT(*) AS n FROM ${table} WHERE ${upTo}`)).n);
    behind = [sql`${place} > ${last}`];
  }
}
