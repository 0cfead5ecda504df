import type { Contender } from '../contenders/index.js';
import { plainTable, thousands } from '../report/plain-table.js';
import { median, spread } from '../report/statistics.js';
import type { ServerShare } from '../server-share.js';
import { ratio } from './goals.js';
import type { RequestPlan, RoundRun } from './rounds.js';
import type { Run } from './run.js';

const HEAD = [
  'ack/s',
  'spread',
  'this module ÷',
  'p50 ms',
  'p99 ms',
  'errors',
  'stored',
  'handled',
  'behind ms',
  'RSS MiB',
  'CPU µs',
  'database µs',
  'WAL B',
  'dead rows',
  'MB per million',
];

/** The medians over all rounds at one number of connections. */
export function requestTable(runs: readonly RoundRun[], { contenders }: RequestPlan, connections: number): string {
  const rows = contenders.map((contender) => {
    const its = runs.filter((run) => run.contender === contender.name && run.connections === connections);
    const middle = (of: (run: Run) => number) => median(its.map(of));
    return [
      contender.label,
      thousands(middle(({ rate }) => rate)),
      spread(its.map(({ rate }) => rate)),
      against(runs, contender, connections),
      middle(({ p50 }) => p50).toFixed(1),
      middle(({ p99 }) => p99).toFixed(1),
      describeErrors(its),
      describeShare(its, 'stored', typeof contender.kept === 'string' ? contender.kept : ''),
      describeShare(its, 'handled', 'no handler'),
      middle(({ behind }) => behind).toFixed(0),
      middle(({ rss }) => rss / 1024 / 1024).toFixed(0),
      middle(({ cpu }) => cpu).toFixed(0),
      ...describeServer(its),
    ];
  });
  return plainTable([`${connections} connections`, ...HEAD], rows);
}

/** This module on the same platform over the contender. */
function against(runs: readonly RoundRun[], { name }: Contender, connections: number): string {
  const ours = name.includes('-fastify') ? 'ours-fastify' : 'ours-express';
  return ratio(runs, 'rate', [ours, connections], [name, connections])?.toFixed(2) ?? '–';
}

function describeErrors(runs: readonly Run[]): string {
  const total: Record<string, number> = {};
  for (const { errors } of runs)
    for (const [kind, count] of Object.entries(errors)) total[kind] = (total[kind] ?? 0) + count;
  return (
    Object.entries(total)
      .map(([kind, count]) => `${count}×${kind}`)
      .join(' ') || '0'
  );
}

/** What PostgreSQL does for one delivery, where that was measured. */
function describeServer(runs: readonly Run[]): string[] {
  const shares = runs.map(({ server }) => server).filter((server) => server !== undefined);
  if (shares.length === 0) return ['–', '–', '–', '–'];
  const middle = (of: (share: ServerShare) => number) => median(shares.map(of));
  return [
    shares.some(({ cpu }) => cpu === null) ? '–' : middle(({ cpu }) => cpu ?? 0).toFixed(0),
    thousands(middle(({ wal }) => wal)),
    middle(({ dead }) => dead).toFixed(2),
    middle(({ size }) => size).toFixed(0),
  ];
}

/** How many of the acknowledged really were; whoever lost one is marked. */
function describeShare(runs: readonly Run[], what: 'stored' | 'handled', otherwise: string): string {
  if (runs.every((run) => run[what] === null)) return otherwise;
  const acknowledged = runs.reduce((sum, run) => sum + run.acknowledged, 0);
  const lost = runs.reduce((sum, run) => sum + Math.max(0, run.acknowledged - (run[what] ?? 0)), 0);
  return lost === 0 ? `all ${thousands(acknowledged)}` : `LOST ${thousands(lost)} of ${thousands(acknowledged)}`;
}
