import { chosen } from './arguments.js';
import { backlogGoals, runBacklog } from './backlog/rounds.js';
import { backlogTable } from './backlog/table.js';
import { contendersFor, forgetful } from './contenders/index.js';
import { runBurst } from './growth/burst.js';
import { runMemory } from './growth/memory.js';
import { growthGoals, growthTables } from './growth/report.js';
import { runPurge } from './growth/purge.js';
import { runRows } from './growth/rows.js';
import { runWakeUps } from './growth/wake-ups.js';
import { describeMachine, inspectMachine, summarizeMachine } from './machine.js';
import { costGoals, costTable, measureCosts } from './observing/costs.js';
import { profile } from './profile.js';
import { chart } from './report/chart.js';
import { complaints } from './report/complaints.js';
import { goalTable, type Goal } from './report/goal.js';
import { joinRounds, joinedGoalTable } from './report/join.js';
import { readResults, write, type Results } from './report/results.js';
import { requestGoals } from './requests/goals.js';
import { runRounds } from './requests/rounds.js';
import { runContender } from './requests/run.js';
import { requestTable } from './requests/table.js';

/** They take a tenth of a second each. */
const OBSERVING_ROUNDS = 20;
/** More than a purge removes in all rounds. */
const MAX_PURGED = 1_000_000;

const choices = chosen(process.argv.slice(2));
const say = (what: string): void => console.error(what);

if (choices.profile) {
  for (const contender of contendersFor([choices.profile], choices.database))
    console.log(await profile(contender, choices.database, choices.duration, choices.out));
} else if (choices.join) {
  await joinRuns(choices.join);
} else {
  await measure();
}

/** Part by part; what has been measured is written before the next begins. */
async function measure(): Promise<void> {
  const { parts, contenders: names, engines } = choices;
  const isRedisNeeded =
    (parts.includes('requests') && names.includes('bullmq')) ||
    (parts.includes('backlog') && engines.includes('bullmq'));
  const machine = await inspectMachine(choices.database, isRedisNeeded);
  console.log(`${describeMachine(machine)}\n`);
  let results: Results = { machine, choices };
  for (const part of parts) {
    const measured = await {
      requests: measureRequests,
      backlog: measureBacklog,
      growth: measureGrowth,
      observing: measureObserving,
    }[part](summarizeMachine(machine));
    results = { ...results, ...measured };
    const content = JSON.stringify({ ...results, goals: goalsOf(results) }, null, 2);
    await write(choices.out, `${choices.database}.json`, content);
  }
  console.log(`${goalTable(goalsOf(results))}\n\nWritten to ${choices.out}`);
  for (const complaint of complaints(results)) {
    say(`NOT TO BE TRUSTED: ${complaint}`);
    process.exitCode = 1;
  }
}

/** The same tables and charts over several runs, and what each of them came to. */
async function joinRuns(folders: readonly string[]): Promise<void> {
  const results = await readResults(folders, choices.database);
  const [first] = results;
  if (!first) return;
  const requests = joinRounds(results.map((run) => run.requests));
  const plan = {
    ...first.choices,
    contenders: contendersFor(first.choices.contenders, choices.database),
  };
  for (const connections of new Set(requests.map((run) => run.connections))) {
    console.log(`${requestTable(requests, plan, connections)}\n`);
    const svg = chart(requests, plan.contenders, connections, summarizeMachine(first.machine));
    await write(choices.out, `${choices.database}-${connections}.svg`, svg);
  }
  console.log(`${backlogTable(joinRounds(results.map((run) => run.backlog)), first.choices)}\n`);
  for (const { growth } of results) if (growth) console.log(`${growthTables(growth)}\n`);
  console.log(`${joinedGoalTable(results.map(goalsOf))}\n\nCharts written to ${choices.out}`);
}

function goalsOf({ requests, backlog, growth, observing }: Results): Goal[] {
  return [
    ...(requests ? requestGoals(requests) : []),
    ...(backlog ? backlogGoals(backlog) : []),
    ...(growth ? growthGoals(growth) : []),
    ...(observing ? costGoals(observing) : []),
  ];
}

type Part = Partial<Results>;

async function measureRequests(where: string): Promise<Part> {
  const plan = { ...choices, contenders: contendersFor(choices.contenders, choices.database) };
  const runs = await runRounds(plan, ({ round, contender, connections, rate }) =>
    say(`round ${round}, ${connections} connections, ${contender}: ${rate.toFixed(0)} ack/s`),
  );
  for (const connections of plan.connections) {
    console.log(`${requestTable(runs, plan, connections)}\n`);
    const svg = chart(runs, plan.contenders, connections, where);
    await write(choices.out, `${choices.database}-${connections}.svg`, svg);
  }
  const [connections = 1] = plan.connections;
  const control = choices.smoke && (await runContender(forgetful, connections, plan.database, plan));
  return { requests: runs, ...(control && { control }) };
}

async function measureBacklog(): Promise<Part> {
  const runs = await runBacklog(choices, ({ round, engine, rate }) =>
    say(`round ${round}, backlog, ${engine}: ${rate.toFixed(0)} jobs/s`),
  );
  console.log(`${backlogTable(runs, choices)}\n`);
  return { backlog: runs };
}

async function measureGrowth(): Promise<Part> {
  const { rows: sizes, rounds, warmUp, duration, memoryAfter: looks } = choices;
  const rows = await runRows({ sizes, rounds, warmUp, duration }, say);
  const purge = await runPurge({ rows: Math.min(MAX_PURGED, Math.max(...sizes)), rounds, warmUp, duration }, say);
  const memory = await runMemory({ looks }, say);
  const burst = await runBurst({ duration: choices.burst, connections: choices.burstConnections }, say);
  const wakeUps = await runWakeUps(choices.wakeUps, say);
  const growth = { rows, purge, memory, burst, wakeUps };
  console.log(`${growthTables(growth)}\n`);
  return { growth };
}

async function measureObserving(): Promise<Part> {
  const observing = await measureCosts(Math.max(choices.rounds, OBSERVING_ROUNDS));
  console.log(`${costTable(observing)}\n`);
  return { observing };
}
