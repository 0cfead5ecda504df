import type { TestDatabase } from './database/databases.js';

export interface Kept {
  readonly deliveries: readonly string[];
  readonly rejections: readonly string[];
}

/** Every row that a receiver has written, without what is never the same twice, in no order. */
export async function keptBy(database: TestDatabase): Promise<Kept> {
  const beside = await database.connect();
  const deliveries = await beside.query<Record<string, unknown>[]>(
    `SELECT session_id, status, platform_id, external_reference_id, raw_body, fingerprint, duplicates, idempotency_key
     FROM cr3dentials_webhook_delivery`,
  );
  const rejections = await beside.query<Record<string, unknown>[]>(
    'SELECT reason, detail, raw_body, tenant, session_id, repeats FROM cr3dentials_webhook_rejection',
  );
  await beside.destroy(); // some ask after every request
  return { deliveries: lines(deliveries), rejections: lines(rejections) };
}

/** The first rows that only one of them has: all of them would fill a screen for each. */
export function differences(some: readonly string[], others: readonly string[] = []): string[] {
  const [one, other] = [new Set(some), new Set(others)];
  return [...some.filter((row) => !other.has(row)), ...others.filter((row) => !one.has(row))].slice(0, 5);
}

function lines(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => JSON.stringify(Object.values(row).map(String))).toSorted();
}
