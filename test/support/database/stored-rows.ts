import type { TestDatabase } from './databases.js';

export interface StoredRows {
  readonly deliveries: readonly string[];
  readonly rejections: readonly string[];
}

/** Reads every row that a receiver has written, sorted, without the columns that are never the same twice. */
export async function readStoredRows(database: TestDatabase): Promise<StoredRows> {
  const beside = await database.connect();
  const deliveries = await beside.query<Record<string, unknown>[]>(
    `SELECT session_id, status, platform_id, external_reference_id, raw_body, fingerprint, duplicates, idempotency_key
     FROM cr3dentials_webhook_delivery d JOIN cr3dentials_webhook_delivery_state s ON s.delivery_id = d.id`,
  );
  const rejections = await beside.query<Record<string, unknown>[]>(
    'SELECT reason, detail, raw_body, tenant, session_id, repeats FROM cr3dentials_webhook_rejection',
  );
  await beside.destroy(); // some ask after every request
  return { deliveries: lines(deliveries), rejections: lines(rejections) };
}

/** Returns the first rows that only one of them has: all of them would fill a screen for each. */
export function differences(some: readonly string[], others: readonly string[] = []): string[] {
  const [one, other] = [new Set(some), new Set(others)];
  return [...some.filter((row) => !other.has(row)), ...others.filter((row) => !one.has(row))].slice(0, 5);
}

function lines(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => JSON.stringify(Object.values(row).map(String))).toSorted();
}
