import { hash } from 'node:crypto';
import type { Choices } from './arguments.js';
import { controls, type Control } from './controls/index.js';
import type { ScheduleResult, Simulation } from './simulation.js';
import { compactTrace } from './trace.js';

type Say = (line: string) => void;

/** Failing schedules whose trace is printed. */
const MAX_TRACES = 3;
/** Schedules that are run twice, to see that a seed determines everything. */
const REPEATED = 20;

/** Runs schedules. Resolves to true if no rule was broken. */
export async function runSchedules(simulation: Simulation, choices: Choices, say: Say): Promise<boolean> {
  const { seed, trace, seconds: maxSeconds = Infinity } = choices;
  const begun = process.cpuUsage();
  const failed: number[] = [];
  let steps = 0;
  let schedules = 0;
  for (; schedules < choices.schedules && secondsSince(begun) < maxSeconds; schedules++) {
    const current = seed + schedules;
    const result = await simulation.run(current, trace);
    steps += result.steps;
    if (trace) for (const line of result.lines) say(line);
    if (result.violations.length === 0) continue;
    failed.push(current);
    for (const rule of result.violations) say(`seed ${current}: ${rule}`);
    if (!trace && failed.length <= MAX_TRACES) await explain(simulation, current, say);
  }
  const seconds = secondsSince(begun);
  const rate = `${(schedules / seconds).toFixed(0)} a second, ${(steps / schedules).toFixed(0)} events each`;
  say(
    `${schedules} schedules from seed ${seed} in ${seconds.toFixed(1)} s of processor time (${rate}): ${failed.length} failed`,
  );
  // A real server has an order of rows, and times, of its own.
  const isExact = !simulation.database.isExact || (await isDeterministic(simulation, seed, schedules, say));
  return isExact && failed.length === 0;
}

/** Returns processor time. The clocks of this process are virtual. */
function secondsSince(begun: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1e6;
}

async function explain(simulation: Simulation, seed: number, say: Say): Promise<void> {
  const { lines } = await simulation.run(seed, true);
  for (const line of compactTrace(lines)) say(`  ${line}`);
  say(`  Replay it: npm run test:simulation -- --seed ${seed} --schedules 1 --trace`);
}

/** Runs some schedules twice, with others in between, and compares their traces. */
async function isDeterministic(simulation: Simulation, seed: number, schedules: number, say: Say): Promise<boolean> {
  const seeds = Array.from({ length: Math.min(REPEATED, schedules) }, (_, index) => seed + index);
  const first: string[] = [];
  for (const each of seeds) first.push(digestOf(await simulation.run(each, true)));
  for (const [index, each] of seeds.entries()) {
    if (digestOf(await simulation.run(each, true)) === first[index]) continue;
    say(`seed ${each} does not run the same way twice`);
    return false;
  }
  return true;
}

function digestOf({ lines }: ScheduleResult): string {
  return hash('sha256', lines.join('\n'));
}

/** Puts in one fault after the other. Resolves to true if each was found. */
export async function runControls(simulation: Simulation, choices: Choices, say: Say): Promise<boolean> {
  let found = 0;
  for (const control of controls) if (await isFound(simulation, control, choices, say)) found++;
  say(`${found} of ${controls.length} controls were found`);
  return found === controls.length;
}

async function isFound(
  simulation: Simulation,
  control: Control,
  { schedules, seed }: Choices,
  say: Say,
): Promise<boolean> {
  const restore = control.apply();
  try {
    for (let count = 1; count <= schedules; count++) {
      const { violations } = await simulation.run(seed + count - 1);
      if (violations.length === 0) continue;
      say(`found after ${count} schedules: ${control.name}: ${violations[0]}`);
      return true;
    }
  } finally {
    restore();
  }
  say(`NOT FOUND in ${schedules} schedules: ${control.name}`);
  return false;
}
