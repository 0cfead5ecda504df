import { withFreshDatabase } from '../database.js';
import { outcomeOf, type Program } from '../processes.js';
import type { Goal } from '../report/goal.js';
import { ratioByRound } from '../report/statistics.js';
import type { Drained } from './engine.js';

const engines = {
  ours: ['this module, as it is', 'ours'],
  'ours-100': ['this module, processing.concurrency 100', 'ours', '100'],
  'graphile-worker': ['graphile-worker, its batching on', 'graphile-worker'],
  'pg-boss': ['pg-boss, its batching on', 'pg-boss'],
  bullmq: ['BullMQ (Redis), concurrency 100', 'bullmq'],
} as const satisfies Record<string, readonly [label: string, file: string, option?: string]>;

export type EngineName = keyof typeof engines;
export const engineNames = Object.keys(engines) as EngineName[];

export interface BacklogPlan {
  readonly engines: readonly EngineName[];
  readonly jobs: number;
  readonly rounds: number;
}

export interface BacklogRun extends Drained {
  readonly engine: EngineName;
  readonly round: number;
  /** Jobs per second. */
  readonly rate: number;
}

export function labelOf(engine: EngineName): string {
  return engines[engine][0];
}

/** Every engine once in each round, the other way round in every other one. PostgreSQL, and Redis for BullMQ. */
export async function runBacklog(plan: BacklogPlan, onRun: (run: BacklogRun) => void): Promise<BacklogRun[]> {
  const runs: BacklogRun[] = [];
  for (let round = 1; round <= plan.rounds; round++) {
    for (const engine of round % 2 === 1 ? plan.engines : plan.engines.toReversed()) {
      const drained = await drainOnce(engine, plan.jobs);
      const run = { engine, round, rate: plan.jobs / drained.seconds, ...drained };
      runs.push(run);
      onRun(run);
    }
  }
  return runs;
}

function drainOnce(engine: EngineName, jobs: number): Promise<Drained> {
  const [, file, option] = engines[engine] as readonly [string, string, string?];
  const program: Program = { file: `backlog/${file}.js`, args: [String(jobs), ...(option ? [option] : [])] };
  return withFreshDatabase('postgres', ({ options: database }) =>
    outcomeOf<Drained>(program, { database, prefix: `cr3d-bench-${process.pid}` }),
  );
}

export function backlogRatio(runs: readonly BacklogRun[], above: EngineName, below: EngineName): number | undefined {
  return ratioByRound(
    runs,
    ({ rate }) => rate,
    ({ engine }) => engine === above,
    ({ engine }) => engine === below,
  );
}

export function backlogGoals(runs: readonly BacklogRun[]): Goal[] {
  return [
    {
      figure: 'backlog rate with the default options ÷ graphile-worker',
      value: backlogRatio(runs, 'ours', 'graphile-worker'),
      demand: '≥ 1',
    },
  ];
}
