import { measuredBy } from '../processes.js';
import type { Goal } from '../report/goal.js';
import { plainTable } from '../report/plain-table.js';
import { median } from '../report/statistics.js';

/** What the design allows a delivery to cost more, in microseconds on the processor, by who observes it. */
const ALLOWED = { nobody: 0.1, metrics: 4, traces: 5 };

/** Microseconds on the processor that a delivery costs more, each time that it was measured. */
export type Costs = Readonly<Record<string, readonly number[]>>;

/**
 * Measures what a delivery costs more when it is observed: the code of the module and of the SDK alone. Each observer
 * has a process of its own: what else a process has loaded decides how well the SDK is compiled.
 */
export async function measureCosts(rounds: number): Promise<Costs> {
  const costs: Record<string, number[]> = {};
  for (const observer of Object.keys(ALLOWED))
    costs[observer] = await measuredBy({ file: 'observing/main.js', args: [observer, String(rounds)] });
  return costs;
}

/** What the design allows. The least is what counts: a busy machine only adds to it. */
export function costGoals(costs: Costs): Goal[] {
  return Object.entries(ALLOWED).map(([name, most]) => ({
    figure: `µs on the processor that a delivery costs more, observed by: ${name}`,
    value: costs[name] && Math.min(...costs[name]),
    demand: `≤ ${most}`,
  }));
}

export function costTable(costs: Costs): string {
  const rows = Object.entries(costs).map(([name, found]) => [
    name,
    median(found).toFixed(2),
    Math.min(...found).toFixed(2),
  ]);
  return plainTable(['observed by', 'µs a delivery', 'least'], rows);
}
