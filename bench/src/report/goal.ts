import { plainTable } from './plain-table.js';

/** A figure that the design demands. */
export interface Goal {
  readonly figure: string;
  /** Undefined when it was not measured in this run. */
  readonly value: number | undefined;
  readonly demand: `≥ ${number}` | `≤ ${number}`;
}

export function isReached({ value, demand }: Goal): boolean | undefined {
  if (value === undefined) return undefined;
  const limit = Number(demand.slice(2));
  return demand.startsWith('≥') ? value >= limit : value <= limit;
}

export function goalTable(goals: readonly Goal[]): string {
  return plainTable(
    ['what the design demands', 'this run', 'goal', ''],
    goals.map((goal) => [goal.figure, goal.value?.toFixed(2) ?? '–', goal.demand, describe(isReached(goal))]),
  );
}

function describe(reached: boolean | undefined): string {
  if (reached === undefined) return 'not measured';
  return reached ? 'reached' : 'MISSED';
}
