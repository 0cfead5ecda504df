import { isReached, type Goal } from './goal.js';
import { plainTable } from './plain-table.js';

/** The rounds of several runs, one run's after the other's, so that every ratio is still taken within a round. */
export function joinRounds<R extends { readonly round: number }>(runs: readonly (readonly R[] | undefined)[]): R[] {
  let before = 0;
  return runs.flatMap((run = []) => {
    const renumbered = run.map((one) => ({ ...one, round: before + one.round }));
    before += Math.max(0, ...run.map(({ round }) => round));
    return renumbered;
  });
}

/** What each run came to, side by side. */
export function joinedGoalTable(runs: readonly (readonly Goal[])[]): string {
  const figures = new Map(runs.flat().map(({ figure, demand }) => [figure, demand]));
  const rows = [...figures].map(([figure, demand]) => {
    const its = runs.map((goals) => goals.find((goal) => goal.figure === figure));
    const measured = its.map((goal) => goal && isReached(goal)).filter((reached) => reached !== undefined);
    const reached = measured.filter(Boolean).length;
    const values = its.map((goal) => goal?.value?.toFixed(2) ?? '–');
    return [figure, ...values, demand, describe(reached, measured.length)];
  });
  return plainTable(['what the design demands', ...runs.map((_, n) => `run ${n + 1}`), 'goal', ''], rows);
}

function describe(reached: number, measured: number): string {
  if (measured === 0) return 'not measured';
  if (reached === measured) return 'reached';
  return reached === 0 ? 'MISSED' : `MISSED in ${measured - reached} of ${measured}`;
}
