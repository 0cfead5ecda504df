import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { readAudit, type Change } from './audit.js';
import { withConnection, type DatabaseUnderTest } from './database-under-test.js';

export interface StoredDelivery {
  readonly id: string;
  readonly session: string;
  readonly body: string;
  readonly state: string;
  readonly reason: string | null;
  readonly duplicates: number;
}

/** What is found once a trial is over. */
export interface Evidence {
  readonly deliveries: readonly StoredDelivery[];
  /** Bodies that became no delivery and were kept. */
  readonly rejections: readonly string[];
  /** Bodies that the acknowledge-first handler has kept. */
  readonly kept: readonly string[];
  /** How often something took effect, by session. */
  readonly effects: ReadonlyMap<string, number>;
  readonly audit: readonly Change[];
}

/** Between two looks. */
const LOOKING = 60;

export const finalStates: readonly string[] = ['completed', 'dead', 'unhandled'];

export function collect(database: DatabaseUnderTest): Promise<Evidence> {
  return withConnection(database, async (connection) => {
    const rows = (text: string) => connection.query<Record<string, unknown>[]>(text);
    const effects = new Map<string, number>();
    for (const { session } of await rows('SELECT session_id AS session FROM effect'))
      effects.set(String(session), (effects.get(String(session)) ?? 0) + 1);
    const deliveries = await rows(
      'SELECT id, session_id, payload, state, reason, duplicates FROM cr3dentials_webhook_delivery',
    );
    return {
      deliveries: deliveries.map((row) => ({
        id: String(row.id),
        session: String(row.session_id),
        body: String(row.payload),
        state: String(row.state),
        reason: row.reason === null ? null : String(row.reason),
        duplicates: Number(row.duplicates),
      })),
      rejections: (await rows('SELECT body FROM cr3dentials_webhook_rejection')).map(({ body }) => String(body)),
      kept: (await rows('SELECT body FROM kept')).map(({ body }) => String(body)),
      effects,
      audit: await readAudit(connection),
    };
  });
}

/** Waits until every delivery is in a final state, and nothing has been added for so many milliseconds. */
export function settle(database: DatabaseUnderTest, calm: number, isOver: () => boolean): Promise<void> {
  return withConnection(database, async (connection) => {
    let before = '';
    let since = performance.now();
    while (!isOver()) {
      const { unfinished, all } = await unsettled(connection);
      if (unfinished > 0 || all !== before) since = performance.now();
      else if (performance.now() - since >= calm) return;
      before = all;
      await sleep(LOOKING);
    }
  });
}

async function unsettled(connection: DataSource): Promise<{ unfinished: number; all: string }> {
  const [row] = await connection.query<Record<string, unknown>[]>(
    `SELECT COUNT(*) AS deliveries, (SELECT COUNT(*) FROM kept) AS kept,
            SUM(CASE WHEN state IN ('completed', 'dead', 'unhandled') THEN 0 ELSE 1 END) AS unfinished
     FROM cr3dentials_webhook_delivery`,
  );
  return { unfinished: Number(row?.unfinished ?? 0), all: `${String(row?.deliveries)} ${String(row?.kept)}` };
}

/** For the next trial. */
export function clear(database: DatabaseUnderTest): Promise<void> {
  return withConnection(database, async (connection) => {
    const tables = ['handler_run', 'rejection', 'delivery'].map((name) => `cr3dentials_webhook_${name}`);
    for (const table of [...tables, 'effect', 'kept', 'audit']) await connection.query(`DELETE FROM ${table}`);
  });
}
