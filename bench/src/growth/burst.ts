import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import type { Plan } from '../load/main.js';
import type { Load } from '../load/load-recorder.js';
import { sendLoad } from '../processes.js';
import { untilQuiet } from '../requests/run.js';
import { CONNECTIONS, withOurs } from './growth.js';

/** Share of the capacity that is sent while things are normal. */
const TRICKLE_SHARE = 0.25;
const TIMES_CAPACITY = 10;
/** Seconds that opening its connections may take: Node closes those that are idle for five. */
const OPENING_SECONDS = 2;
const SLICE_SECONDS = 0.5;
const MAX_SLICES = 120;
/** Ratio to the p99 before from which things count as normal again. */
const NORMAL_FACTOR = 1.5;
const NORMAL_MARGIN_MS = 5;

export interface BurstPlan {
  /** Seconds. */
  readonly duration: number;
  readonly connections: number;
}

export interface Burst {
  /** Acknowledged per second before it, in a closed loop. */
  readonly capacity: number;
  readonly p99Before: number;
  readonly load: Load;
  /** Acknowledged in the burst and not in the inbox. */
  readonly missing: number;
  /** Seconds from the burst's last answer until p99 was normal for the first time; null when it never was. */
  readonly normalAfter: number | null;
  /** Number of acknowledged deliveries, before, during and after, for which the handler has not been run. */
  readonly unhandled: number;
}

/** Ten times what it can take for a while: what it refuses, what it keeps, and how soon it is itself again. */
export function runBurst(plan: BurstPlan, say: (what: string) => void): Promise<Burst> {
  return withOurs(async (contender, connection) => {
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-bench-'));
    try {
      const acknowledgedTo = join(folder, 'acknowledged');
      const { acknowledged, ...burst } = await sendBurst(contender.port, plan, acknowledgedTo, say);
      const { handled } = await untilQuiet(contender, acknowledged);
      const sessionIds = (await readFile(acknowledgedTo, 'utf8')).split('\n').filter(Boolean);
      const missing = await countMissing(connection, sessionIds);
      return { ...burst, missing, unhandled: Math.max(0, acknowledged - handled) };
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

async function sendBurst(
  port: number,
  { duration, connections: most }: BurstPlan,
  acknowledgedTo: string,
  say: (what: string) => void,
): Promise<Omit<Burst, 'missing' | 'unhandled'> & { acknowledged: number }> {
  let acknowledged = 0;
  const send = async (plan: Plan): Promise<Load> => {
    const load = await sendLoad(plan);
    acknowledged += load.acknowledged;
    return load;
  };
  const { rate: capacity } = await send({ kind: 'closed', port, connections: CONNECTIONS, warmUp: 2, duration: 5 });
  const trickle = { kind: 'open', port, rate: TRICKLE_SHARE * capacity, connections: CONNECTIONS } as const;
  const { p99: p99Before } = await send({ ...trickle, duration: 3 });
  say(`capacity ${capacity.toFixed(0)} ack/s; p99 ${p99Before.toFixed(1)} ms at a quarter of it`);

  const rate = TIMES_CAPACITY * capacity;
  const connections = Math.min(most, Math.ceil(OPENING_SECONDS * capacity));
  const load = await send({ kind: 'open', port, rate, duration, connections, acknowledgedTo });
  const normalAfter = await untilNormal(() => send({ ...trickle, duration: SLICE_SECONDS }), p99Before);
  return { capacity, p99Before, load, normalAfter, acknowledged };
}

async function untilNormal(trickle: () => Promise<Load>, p99Before: number): Promise<number | null> {
  const beganAt = performance.now();
  for (let slice = 0; slice < MAX_SLICES; slice++) {
    const sliceBeganAt = performance.now();
    const { p99 } = await trickle();
    if (p99 <= NORMAL_FACTOR * p99Before + NORMAL_MARGIN_MS) return (sliceBeganAt - beganAt) / 1_000;
  }
  return null;
}

async function countMissing(database: DataSource, sessionIds: readonly string[]): Promise<number> {
  const rows = await database.query<{ session_id: string }[]>('SELECT session_id FROM cr3dentials_webhook_delivery');
  const stored = new Set(rows.map(({ session_id }) => session_id));
  return sessionIds.filter((sessionId) => !stored.has(sessionId)).length;
}
