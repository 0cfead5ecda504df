import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Report } from '../contenders/contender.js';
import type { Contender, ContenderName, Table } from '../contenders/index.js';
import { withFreshDatabase, type DatabaseKind } from '../database.js';
import type { Load } from '../load/load-recorder.js';
import { sendLoad, withContender, type ContenderProcess } from '../processes.js';
import { ServerWatch, tablesShare, type ServerShare } from '../server-share.js';

/** How long a contender may go on after the load before what is missing counts as lost, while nothing moves. */
const STALL_TIMEOUT_MS = 3_000;
const POLL_INTERVAL_MS = 20;

/** What one contender came to in one run. */
export interface Run extends Load {
  readonly contender: ContenderName;
  readonly connections: number;
  /** Rows in its table, and handlers run, once all was quiet; null when it does neither. */
  readonly stored: number | null;
  readonly handled: number | null;
  /** Rows whose handling has not been recorded. */
  readonly unfinished: number;
  /** Milliseconds from the last answer until as many were handled as acknowledged. */
  readonly behind: number;
  /** Bytes, at the end of the load. */
  readonly rss: number;
  /** Microseconds on the contender's processor per acknowledged delivery. */
  readonly cpu: number;
  /** What PostgreSQL does for each; undefined on other databases, and for contenders that keep nothing there. */
  readonly server?: ServerShare;
}

export interface Pace {
  readonly warmUp: number;
  readonly duration: number;
}

export async function runContender(
  { name, program, kept }: Contender,
  connections: number,
  kind: DatabaseKind,
  { warmUp, duration }: Pace,
  profileTo?: string,
): Promise<Run> {
  return withFreshDatabase(kind, async ({ options: database, connection }) => {
    const isWatched = kind === 'postgres' && typeof kept !== 'string';
    const { ofServer, ...run } = await withContender(
      program,
      { database, prefix: `cr3d-bench-${process.pid}` },
      async (contender) => {
        let before: Promise<Report> | undefined;
        let watch: Promise<ServerWatch> | undefined;
        const load = await sendLoad({ kind: 'closed', port: contender.port, connections, warmUp, duration }, () => {
          before = contender.ask('report');
          watch = isWatched ? ServerWatch.begin(connection) : undefined;
          if (profileTo) contender.profileTo(profileTo);
        });
        const after = await contender.ask('report');
        const measured = load.rate * duration;
        const server = await (await watch)?.end(measured);
        const spent = after.cpu - ((await before)?.cpu ?? 0);
        const { handled, behind } = await untilQuiet(contender, kept === 'nowhere' ? 0 : load.acknowledged);
        return {
          ...load,
          contender: name,
          connections,
          handled: kept === 'nowhere' ? null : handled,
          ...(typeof kept === 'string' ? { stored: null, unfinished: 0 } : await lookInto(connection, kept)),
          behind,
          rss: after.rss,
          cpu: spent / measured,
          ofServer: server,
        };
      },
    );
    // Its sessions have told what they have changed, now that they have ended.
    return ofServer ? { ...run, server: { ...ofServer, ...(await tablesShare(connection, run.acknowledged)) } } : run;
  });
}

/** Waits until as many were handled as acknowledged, or nothing moves any more. */
export async function untilQuiet(
  contender: ContenderProcess,
  acknowledged: number,
): Promise<{ handled: number; behind: number }> {
  const endedAt = performance.now();
  let handled = 0;
  let movedAt = endedAt;
  for (;;) {
    const report = await contender.ask('report');
    const now = performance.now();
    if (report.handled > handled) movedAt = now;
    handled = report.handled;
    if (handled >= acknowledged || now - movedAt > STALL_TIMEOUT_MS) return { handled, behind: movedAt - endedAt };
    await sleep(POLL_INTERVAL_MS);
  }
}

/** What was handled last is given time to be recorded as such. */
async function lookInto(
  connection: DataSource,
  { table, unfinished }: Table,
): Promise<Pick<Run, 'stored' | 'unfinished'>> {
  const countLeft = async () => (unfinished ? countRows(connection, `${table} WHERE ${unfinished}`) : 0);
  const givesUpAt = performance.now() + STALL_TIMEOUT_MS;
  let left = await countLeft();
  for (; left > 0 && performance.now() < givesUpAt; left = await countLeft()) await sleep(POLL_INTERVAL_MS);
  return { stored: await countRows(connection, table), unfinished: left };
}

async function countRows(connection: DataSource, rows: string): Promise<number> {
  const [row] = await connection.query<{ count: string | number }[]>(`SELECT count(*) AS count FROM ${rows}`);
  return Number(row?.count);
}
