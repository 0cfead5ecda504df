import type { Goal } from '../report/goal.js';
import { plainTable, thousands } from '../report/plain-table.js';
import { median, ratioByRound, spread } from '../report/statistics.js';
import type { Burst } from './burst.js';
import { toMiB, type MemoryLook } from './memory.js';
import type { PurgeRun } from './purge.js';
import type { RowsRun } from './rows.js';
import type { WakeUps } from './wake-ups.js';

export interface Growth {
  readonly rows: readonly RowsRun[];
  readonly memory: readonly MemoryLook[];
  readonly burst: Burst;
  readonly purge: readonly PurgeRun[];
  readonly wakeUps: readonly WakeUps[];
}

/** The longest time until answers are normal again after a burst. */
const MAX_RECOVERY_SECONDS = 5;
const MAX_WAKE_UP_MS = 50;

export function growthTables({ rows, purge, memory, burst, wakeUps }: Growth): string {
  const tables = [rowsTable(rows), purgeTable(purge), memoryTable(memory), burstTable(burst), wakeUpTable(wakeUps)];
  return tables.join('\n\n');
}

function rowsTable(runs: readonly RowsRun[]): string {
  const sizes = [...new Set(runs.map(({ rows }) => rows))];
  return plainTable(
    ['rows in the inbox', 'ack/s', 'spread', 'p99 ms', 'claim of 200, ms'],
    sizes.map((size) => {
      const its = runs.filter(({ rows }) => rows === size);
      return [
        thousands(size),
        thousands(median(its.map(({ rate }) => rate))),
        spread(its.map(({ rate }) => rate)),
        median(its.map(({ p99 }) => p99)).toFixed(1),
        median(its.map(({ claim }) => claim)).toFixed(1),
      ];
    }),
  );
}

function purgeTable(runs: readonly PurgeRun[]): string {
  return plainTable(
    ['retention', 'ack/s', 'spread', 'p99 ms', 'purged'],
    [false, true].map((isPurging) => {
      const its = runs.filter((run) => run.isPurging === isPurging);
      return [
        isPurging ? 'removes contents' : 'has nothing to do',
        thousands(median(its.map(({ rate }) => rate))),
        spread(its.map(({ rate }) => rate)),
        median(its.map(({ p99 }) => p99)).toFixed(1),
        thousands(its.reduce((sum, { purged }) => sum + purged, 0)),
      ];
    }),
  );
}

function memoryTable(looks: readonly MemoryLook[]): string {
  return plainTable(
    ['deliveries handled', 'RSS MiB', 'heap MiB'],
    looks.map(({ deliveries, rss, heap }) => [thousands(deliveries), toMiB(rss), toMiB(heap)]),
  );
}

function burstTable({ capacity, load, missing, unhandled, normalAfter, p99Before }: Burst): string {
  const answers = Object.entries(load.errors).map(([answer, count]) => `${answer}: ${thousands(count)}`);
  return plainTable(
    ['a burst of ten times the capacity', ''],
    [
      ['capacity, ack/s', thousands(capacity)],
      ['answers', [`200: ${thousands(load.acknowledged)}`, ...answers].join(', ')],
      ['came while every connection waited, not sent', thousands(load.unsent)],
      ['p50, p99 and longest answer, ms', [load.p50, load.p99, load.max].map((ms) => ms.toFixed(0)).join(', ')],
      ['acknowledged and not stored', thousands(missing)],
      ['acknowledged and not handled', thousands(unhandled)],
      [`seconds until p99 was normal again (${p99Before.toFixed(1)} ms before)`, normalAfter?.toFixed(1) ?? 'never'],
    ],
  );
}

function wakeUpTable(runs: readonly WakeUps[]): string {
  return plainTable(
    ['an idle worker elsewhere', 'p50 ms', 'longest ms'],
    runs.map(({ listenNotify, waits }) => [
      listenNotify ? 'with database.listenNotify' : 'that polls, as by default',
      median(waits).toFixed(1),
      Math.max(...waits).toFixed(1),
    ]),
  );
}

export function growthGoals({ rows, purge, memory, burst, wakeUps }: Growth): Goal[] {
  const sizes = rows.map((run) => run.rows);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const [first, last] = [memory.at(0), memory.at(-1)];
  const waits = wakeUps.flatMap((run) => (run.listenNotify ? run.waits : []));
  const refused = Object.entries(burst.load.errors).filter(([answer]) => answer !== '503');
  return [
    {
      figure: `ack rate with ${thousands(most)} rows ÷ with ${thousands(least)}`,
      value: ratioByRound(
        rows,
        ({ rate }) => rate,
        (run) => run.rows === most,
        (run) => run.rows === least,
      ),
      demand: '≥ 0.95',
    },
    {
      figure: 'ack p99 while retention removes contents ÷ without',
      value: ratioByRound(
        purge,
        ({ p99 }) => p99,
        ({ isPurging }) => isPurging,
        ({ isPurging }) => !isPurging,
      ),
      demand: '≤ 1.5',
    },
    {
      figure: `resident memory after ${thousands(last?.deliveries ?? 0)} deliveries ÷ after ${thousands(first?.deliveries ?? 0)}`,
      value: first && last && last.rss / first.rss,
      demand: '≤ 1.1',
    },
    {
      figure: 'burst: errors other than 503',
      value: refused.reduce((sum, [, count]) => sum + count, 0),
      demand: '≤ 0',
    },
    {
      figure: 'burst: acknowledged and not stored, or not handled',
      value: burst.missing + burst.unhandled,
      demand: '≤ 0',
    },
    {
      figure: 'burst: seconds until p99 was normal again',
      value: burst.normalAfter ?? Number.POSITIVE_INFINITY,
      demand: `≤ ${MAX_RECOVERY_SECONDS}`,
    },
    {
      figure: 'milliseconds until an idle worker elsewhere handles it, p50, with database.listenNotify',
      value: waits.length > 0 ? median(waits) : undefined,
      demand: `≤ ${MAX_WAKE_UP_MS}`,
    },
  ];
}
