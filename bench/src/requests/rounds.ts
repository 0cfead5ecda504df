import type { Contender } from '../contenders/index.js';
import type { DatabaseKind } from '../database.js';
import { runContender, type Pace, type Run } from './run.js';

export interface RequestPlan extends Pace {
  readonly contenders: readonly Contender[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly database: DatabaseKind;
}

export interface RoundRun extends Run {
  readonly round: number;
}

/** Every contender once in each round, the other way round in every other one, so that what drifts meets all alike. */
export async function runRounds(plan: RequestPlan, onRun: (run: RoundRun) => void): Promise<RoundRun[]> {
  const runs: RoundRun[] = [];
  for (const connections of plan.connections) {
    for (let round = 1; round <= plan.rounds; round++) {
      for (const contender of round % 2 === 1 ? plan.contenders : plan.contenders.toReversed()) {
        const run = { round, ...(await runContender(contender, connections, plan.database, plan)) };
        runs.push(run);
        onRun(run);
      }
    }
  }
  return runs;
}
