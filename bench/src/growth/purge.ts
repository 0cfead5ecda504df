import { insertDeliveries } from '../deliveries.sql.js';
import { sendLoad, withContender, type Program } from '../processes.js';
import type { Pace } from '../requests/run.js';
import { CONNECTIONS, PREFIX, TABLE, emptyInbox, ours } from './growth.js';

/** They were completed longer ago than `ours.js purging` keeps contents. */
const AGE_MS = 300_000;

export interface PurgePlan extends Pace {
  /** Number of deliveries whose contents are due. */
  readonly rows: number;
  readonly rounds: number;
}

export interface PurgeRun {
  readonly round: number;
  readonly isPurging: boolean;
  /** Acknowledged per second. */
  readonly rate: number;
  readonly p99: number;
  /** Deliveries whose contents were removed meanwhile. */
  readonly purged: number;
}

/** The same load without retention, and while it removes contents, one after the other in every round. */
export async function runPurge(
  { rows, rounds, warmUp, duration }: PurgePlan,
  say: (what: string) => void,
): Promise<PurgeRun[]> {
  const { options: database, connection, drop } = await emptyInbox();
  const countPurged = async () => {
    const [row] = await connection.query<{ count: string }[]>(`SELECT count(purged_at) AS count FROM ${TABLE}`);
    return Number(row?.count);
  };
  const loadOnce = (program: Program) =>
    withContender(program, { database, prefix: PREFIX }, ({ port }) =>
      sendLoad({ kind: 'closed', port, connections: CONNECTIONS, warmUp, duration }),
    );
  try {
    await insertDeliveries(connection, 'completed', rows, { until: Date.now() - AGE_MS });
    await connection.query('VACUUM ANALYZE');
    const runs: PurgeRun[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const isPurging of [false, true]) {
        await connection.query('CHECKPOINT');
        const before = await countPurged();
        const { file, args } = ours.program;
        const { rate, p99 } = await loadOnce({ file, args: isPurging ? [...args, 'purging'] : args });
        const run = { round, isPurging, rate, p99, purged: (await countPurged()) - before };
        runs.push(run);
        say(`${isPurging ? `${run.purged} purged` : 'no purge'}, round ${round}: ${rate.toFixed(0)} ack/s, p99 ${p99}`);
      }
    }
    return runs;
  } finally {
    await drop();
  }
}
