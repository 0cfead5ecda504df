import type { FreshDatabase } from '../database.js';
import { insertDeliveries } from '../deliveries.sql.js';
import { outcomeOf, sendLoad, withContender } from '../processes.js';
import type { Pace } from '../requests/run.js';
import { CONNECTIONS, PREFIX, TABLE, emptyInbox, ours } from './growth.js';

export interface RowsPlan extends Pace {
  /** Number of completed deliveries. */
  readonly sizes: readonly number[];
  readonly rounds: number;
}

export interface RowsRun {
  readonly rows: number;
  readonly round: number;
  /** Acknowledged per second. */
  readonly rate: number;
  readonly p99: number;
  /** Milliseconds that claiming 200 of 1 000 due deliveries takes, the median of several. */
  readonly claim: number;
}

/** The same load against an inbox of each size, one after the other in every round. */
export async function runRows(plan: RowsPlan, say: (what: string) => void): Promise<RowsRun[]> {
  const inboxes: { rows: number; database: FreshDatabase }[] = [];
  try {
    for (const rows of plan.sizes) {
      const database = await emptyInbox();
      inboxes.push({ rows, database });
      await insertDeliveries(database.connection, 'completed', rows);
      await database.connection.query('VACUUM ANALYZE');
      say(`an inbox of ${rows} rows is ready`);
    }
    const runs: RowsRun[] = [];
    for (let round = 1; round <= plan.rounds; round++) {
      for (const { rows, database } of inboxes) {
        const run = { rows, round, ...(await loadOnce(database, plan)), claim: await timeClaim(database) };
        runs.push(run);
        say(`${rows} rows, round ${round}: ${run.rate.toFixed(0)} ack/s, a claim takes ${run.claim.toFixed(1)} ms`);
      }
    }
    return runs;
  } finally {
    for (const { database } of inboxes) await database.drop();
  }
}

async function loadOnce(
  { options, connection }: FreshDatabase,
  { warmUp, duration }: Pace,
): Promise<{ rate: number; p99: number }> {
  await connection.query('CHECKPOINT');
  return withContender(ours.program, { database: options, prefix: PREFIX }, ({ port }) =>
    sendLoad({ kind: 'closed', port, connections: CONNECTIONS, warmUp, duration }),
  );
}

async function timeClaim({ options, connection }: FreshDatabase): Promise<number> {
  const due = 1_000_000_000; // numbers that no other delivery has
  await insertDeliveries(connection, 'pending', 1_000, { from: due });
  await connection.query(`ANALYZE ${TABLE}`);
  const milliseconds = await outcomeOf<number>(
    { file: 'growth/claim.js', args: [] },
    { database: options, prefix: PREFIX },
  );
  await connection.query(`DELETE FROM ${TABLE} WHERE state <> 'completed'`);
  return milliseconds;
}
