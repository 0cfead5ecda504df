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

/** The content of the database once a trial is over. */
export interface FinalState {
  readonly deliveries: readonly StoredDelivery[];
  /** Bodies of rejections. */
  readonly rejections: readonly string[];
  /** Bodies that the documented handler has worked on. */
  readonly handledBodies: readonly string[];
  /** The number of effects of each session. */
  readonly effects: ReadonlyMap<string, number>;
  /** Ids of completed deliveries that have a run of any handler which is not completed. */
  readonly unfinishedRuns: ReadonlySet<string>;
  readonly audit: readonly Change[];
}

const POLL_INTERVAL_MS = 60;

export const finalStates: readonly string[] = ['completed', 'dead', 'unhandled'];

export function readFinalState(database: DatabaseUnderTest): Promise<FinalState> {
  return withConnection(database, async (connection) => {
    const rows = (text: string) => connection.query<Record<string, unknown>[]>(text);
    const effects = new Map<string, number>();
    for (const { session } of await rows('SELECT session_id AS session FROM effect'))
      effects.set(String(session), (effects.get(String(session)) ?? 0) + 1);
    const deliveries = await rows(
      'SELECT id, session_id, raw_body, state, reason, duplicates FROM cr3dentials_webhook_delivery d JOIN cr3dentials_webhook_delivery_state s ON s.delivery_id = d.id',
    );
    const unfinishedRuns = await rows(
      `SELECT r.delivery_id FROM cr3dentials_webhook_handler_run r JOIN cr3dentials_webhook_delivery_state s
       ON s.delivery_id = r.delivery_id WHERE s.state = 'completed' AND r.state <> 'completed'`,
    );
    return {
      deliveries: deliveries.map((row) => ({
        id: String(row.id),
        session: String(row.session_id),
        body: String(row.raw_body),
        state: String(row.state),
        reason: row.reason === null ? null : String(row.reason),
        duplicates: Number(row.duplicates),
      })),
      rejections: (await rows('SELECT raw_body FROM cr3dentials_webhook_rejection')).map(({ raw_body }) =>
        String(raw_body),
      ),
      handledBodies: (await rows('SELECT body FROM handled_body')).map(({ body }) => String(body)),
      effects,
      unfinishedRuns: new Set(unfinishedRuns.map(({ delivery_id }) => String(delivery_id))),
      audit: await readAudit(connection),
    };
  });
}

/** Resolves once every delivery is in a final state and nothing has been added for `quietPeriodMs`. */
export function waitForQuiet(database: DatabaseUnderTest, quietPeriodMs: number, isOver: () => boolean): Promise<void> {
  return withConnection(database, async (connection) => {
    let before = '';
    let since = performance.now();
    while (!isOver()) {
      const { unfinished, all } = await countDeliveries(connection);
      if (unfinished > 0 || all !== before) since = performance.now();
      else if (performance.now() - since >= quietPeriodMs) return;
      before = all;
      await sleep(POLL_INTERVAL_MS);
    }
  });
}

async function countDeliveries(connection: DataSource): Promise<{ unfinished: number; all: string }> {
  const [row] = await connection.query<Record<string, unknown>[]>(
    `SELECT COUNT(*) AS deliveries, (SELECT COUNT(*) FROM handled_body) AS handled,
            SUM(CASE WHEN state IN ('completed', 'dead', 'unhandled') THEN 0 ELSE 1 END) AS unfinished
     FROM cr3dentials_webhook_delivery_state`,
  );
  return { unfinished: Number(row?.unfinished ?? 0), all: `${String(row?.deliveries)} ${String(row?.handled)}` };
}

/** Empties every table. */
export function clearTables(database: DatabaseUnderTest): Promise<void> {
  return withConnection(database, async (connection) => {
    const tables = ['handler_run', 'rejection', 'delivery_state', 'delivery'].map(
      (name) => `cr3dentials_webhook_${name}`,
    );
    for (const table of [...tables, 'effect', 'handled_body', 'audit']) await connection.query(`DELETE FROM ${table}`);
  });
}
