import type { DatabaseKind } from '../../test/support/database/databases.js';
import { DUPLICATES, type Choices } from './arguments.js';
import type { TrialResult } from './checker.js';
import { ACK_TIMEOUT_MS, LEASE_MS } from './cluster.js';
import { undetectedControls } from './controls.js';
import { duplicateViolations, sendDuplicates, type DuplicatesFigure, type DuplicatesPlan } from './duplicates.js';
import type { Fault } from './fault.js';
import { faults } from './faults/index.js';
import { figureOf, violations, type Figure } from './figures.js';
import type { HostProgram } from './instance.js';
import { inspectMachine, type Machine } from './machine.js';
import { Random } from './random.js';
import { lineOf, lineOfDuplicates } from './report/line.js';
import { TestRun } from './test-run.js';

interface TestRunResult {
  readonly figure: Figure;
  readonly violations: readonly string[];
  /** The folder of the hosts' logs; undefined when they are not kept. */
  readonly logs: string | undefined;
}

/** A control must be detected within this many trials: chance may spare it once. */
const MAX_CONTROL_TRIALS = 6;

/** Added to `ackTimeout`, because harness, hosts and databases share the processors. */
const ANSWER_MARGIN_MS = { inTurn: 1_000, sideBySide: 5_000 };

interface TestRunPlan {
  readonly fault: Fault;
  readonly database: DatabaseKind;
  readonly program: HostProgram;
  readonly trials: number;
  readonly seed: string;
  readonly answerMarginMs: number;
}

/** Runs trials of one program under one fault on one database, until there are enough. */
async function runTrials(plan: TestRunPlan, isDone: (figure: Figure) => boolean = () => true): Promise<TestRunResult> {
  const { fault, database, program, trials, seed, answerMarginMs } = plan;
  const summary = () => figureOf({ fault: fault.name, database, program }, results);
  const results: TrialResult[] = [];
  let found: string[] = [];
  let testRun: TestRun | undefined;
  try {
    testRun = await TestRun.setUp(fault, database, program, answerMarginMs);
    for (let trial = 0; trial < trials || (trial < MAX_CONTROL_TRIALS && !isDone(summary())); trial++) {
      if (trial > 0) await testRun.reset();
      results.push(await testRun.runTrial(new Random(`${seed}/${fault.name}/${database}/${program}/${trial}`)));
    }
    found = violations(summary());
  } catch (error) {
    found = [`it was aborted after ${results.length} trials: ${String(error)}`];
  }
  const logs = await testRun?.tearDown(program === 'ours' && found.length > 0);
  return { figure: summary(), violations: found, logs };
}

export interface Results {
  readonly at: string;
  readonly seed: string;
  readonly machine: Machine;
  readonly lease: number;
  readonly ackTimeout: number;
  readonly faults: readonly { readonly name: string; readonly how: string }[];
  readonly figures: readonly Figure[];
  /** Figures of programs that must be seen to break the promise. */
  readonly controls: readonly Figure[];
  readonly duplicates: readonly DuplicatesFigure[];
}

export async function runCampaign(
  choices: Choices,
  print: (line: string) => void,
): Promise<{ results: Results; failures: string[] }> {
  const { seed, databases, inTurn } = choices;
  const selected = faults.filter(({ name }) => choices.faults.includes(name));
  const machine = await inspectMachine(databases);
  print(`Seed ${seed}`);
  const campaigns = databases.map((database) => new DatabaseCampaign(database, choices, print));
  if (inTurn) for (const campaign of campaigns) await campaign.runAll(selected);
  else await Promise.all(campaigns.map((campaign) => campaign.runAll(selected)));
  const results = {
    at: new Date().toISOString(),
    seed,
    machine,
    lease: LEASE_MS,
    ackTimeout: ACK_TIMEOUT_MS,
    faults: selected.map(({ name, how }) => ({ name, how })),
    figures: campaigns.flatMap(({ figures }) => figures),
    controls: campaigns.flatMap(({ controls }) => controls),
    duplicates: campaigns.flatMap(({ duplicates }) => duplicates),
  };
  return { results, failures: campaigns.flatMap(({ failures }) => failures) };
}

/** Runs every fault on one database, one after the other. Databases do not wait for each other. */
class DatabaseCampaign {
  readonly figures: Figure[] = [];
  readonly controls: Figure[] = [];
  readonly duplicates: DuplicatesFigure[] = [];
  readonly failures: string[] = [];

  constructor(
    private readonly database: DatabaseKind,
    private readonly choices: Choices,
    private readonly print: (line: string) => void,
  ) {}

  async runAll(selected: readonly Fault[]): Promise<void> {
    for (const fault of selected.filter(({ databases }) => databases.includes(this.database))) {
      await this.runOurs(fault);
      const isControlled = (fault.controlDatabases ?? fault.databases).includes(this.database);
      for (const program of isControlled ? (fault.controls ?? []) : []) await this.runControl(fault, program);
    }
    if (this.choices.faults.includes(DUPLICATES)) await this.sendAllDuplicates();
  }

  private async sendAllDuplicates(): Promise<void> {
    const { sessions } = this.choices;
    await this.sendTo({ platform: 'express', program: 'ours', sessions });
    await this.sendTo({ platform: 'fastify', program: 'ours', sessions });
    await this.sendTo({ platform: 'express', program: 'documented', sessions: 3 });
  }

  private async sendTo(plan: Pick<DuplicatesPlan, 'platform' | 'program' | 'sessions'>): Promise<void> {
    const { database } = this;
    const { copies, seed } = this.choices;
    const where = `${DUPLICATES} to ${plan.program} (${plan.platform}) on ${database}`;
    try {
      const figure = await sendDuplicates({ ...plan, database, copies, seed });
      this.duplicates.push(figure);
      this.print(lineOfDuplicates(figure));
      this.failures.push(...duplicateViolations(figure).map((violation) => `${where}: ${violation}`));
    } catch (error) {
      this.failures.push(`${where}: it was aborted: ${String(error)}`);
    }
  }

  private async runOurs(fault: Fault): Promise<void> {
    const { trials } = this.choices;
    const { figure, violations: found, logs } = await runTrials({ ...this.plan(fault, 'ours'), trials });
    this.figures.push(figure);
    this.print(lineOf(figure));
    this.failures.push(...found.map((violation) => `${fault.name} on ${this.database}: ${violation} (${logs})`));
  }

  private plan(fault: Fault, program: HostProgram): Omit<TestRunPlan, 'trials'> {
    const { seed, inTurn, databases } = this.choices;
    const isAlone = inTurn || databases.length === 1;
    const answerMarginMs = isAlone ? ANSWER_MARGIN_MS.inTurn : ANSWER_MARGIN_MS.sideBySide;
    return { fault, database: this.database, program, seed, answerMarginMs };
  }

  private async runControl(fault: Fault, program: HostProgram): Promise<void> {
    const { controlTrials } = this.choices;
    const { figure } = await runTrials({ ...this.plan(fault, program), trials: controlTrials }, isDetected);
    this.controls.push(figure);
    this.print(lineOf(figure));
    this.failures.push(...undetectedControls(figure));
  }
}

function isDetected(figure: Figure): boolean {
  return undetectedControls(figure).length === 0;
}
