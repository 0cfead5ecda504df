import type { DatabaseKind } from '../support/database/databases.js';
import { Arena } from './arena.js';
import { DUPLICATES, type Choices } from './arguments.js';
import { blindnessOf } from './controls.js';
import { complaintsOfDuplicates, sendDuplicates, type DuplicatesFigure, type DuplicatesPlan } from './duplicates.js';
import type { Fault } from './fault.js';
import { faults } from './faults/index.js';
import { ACK_TIMEOUT, LEASE } from './fleet.js';
import { complaintsOf, figureOf, type Figure } from './figures.js';
import type { HostProgram } from './instance.js';
import { inspectMachine, type Machine } from './machine.js';
import { Random } from './random.js';
import { lineOf, lineOfDuplicates } from './report/line.js';
import type { Verdict } from './verdict.js';

export interface Held {
  readonly figure: Figure;
  readonly complaints: readonly string[];
  /** Where what the hosts said is kept; only when it was asked for. */
  readonly logs: string | undefined;
}

/** In which a control must have been seen to fail: chance may spare it once. */
const MOST_TRIALS = 6;

/** What an answer may take beside `ackTimeout`, where harness, hosts and databases share two processors. */
const ON_THE_WAY = { inTurn: 1_000, sideBySide: 5_000 };

interface Plan {
  readonly fault: Fault;
  readonly database: DatabaseKind;
  readonly program: HostProgram;
  readonly trials: number;
  readonly seed: string;
  readonly onTheWay: number;
}

/** Puts one program under one fault on one database, so many times. */
async function holdTrials(plan: Plan, isEnough: (figure: Figure) => boolean = () => true): Promise<Held> {
  const { fault, database, program, trials, seed, onTheWay } = plan;
  const sum = () => figureOf({ fault: fault.name, database, program }, verdicts);
  const verdicts: Verdict[] = [];
  let complaints: string[] = [];
  let arena: Arena | undefined;
  try {
    arena = await Arena.open(fault, database, program, onTheWay);
    for (let trial = 0; trial < trials || (trial < MOST_TRIALS && !isEnough(sum())); trial++) {
      if (trial > 0) await arena.tidy();
      verdicts.push(await arena.hold(new Random(`${seed}/${fault.name}/${database}/${program}/${trial}`)));
    }
    complaints = complaintsOf(sum());
  } catch (error) {
    complaints = [`it broke off after ${verdicts.length} trials: ${String(error)}`];
  }
  const logs = await arena?.leave(program === 'ours' && complaints.length > 0);
  return { figure: sum(), complaints, logs };
}

export interface Results {
  readonly at: string;
  readonly seed: string;
  readonly machine: Machine;
  readonly lease: number;
  readonly ackTimeout: number;
  readonly faults: readonly { readonly name: string; readonly how: string }[];
  readonly figures: readonly Figure[];
  /** Of programs that must be seen to fail. */
  readonly controls: readonly Figure[];
  readonly duplicates: readonly DuplicatesFigure[];
}

export async function runCampaign(
  choices: Choices,
  say: (line: string) => void,
): Promise<{ results: Results; failures: string[] }> {
  const { seed, databases, inTurn } = choices;
  const among = faults.filter(({ name }) => choices.faults.includes(name));
  const machine = await inspectMachine(databases);
  say(`Seed ${seed}`);
  const rounds = databases.map((database) => new Round(database, choices, say));
  if (inTurn) for (const round of rounds) await round.holdAll(among);
  else await Promise.all(rounds.map((round) => round.holdAll(among)));
  const results = {
    at: new Date().toISOString(),
    seed,
    machine,
    lease: LEASE,
    ackTimeout: ACK_TIMEOUT,
    faults: among.map(({ name, how }) => ({ name, how })),
    figures: rounds.flatMap(({ figures }) => figures),
    controls: rounds.flatMap(({ controls }) => controls),
    duplicates: rounds.flatMap(({ duplicates }) => duplicates),
  };
  return { results, failures: rounds.flatMap(({ failures }) => failures) };
}

/** Everything on one database, one after the other. The databases do not wait for each other. */
class Round {
  readonly figures: Figure[] = [];
  readonly controls: Figure[] = [];
  readonly duplicates: DuplicatesFigure[] = [];
  readonly failures: string[] = [];

  constructor(
    private readonly database: DatabaseKind,
    private readonly choices: Choices,
    private readonly say: (line: string) => void,
  ) {}

  async holdAll(among: readonly Fault[]): Promise<void> {
    for (const fault of among.filter(({ databases }) => databases.includes(this.database))) {
      await this.holdOurs(fault);
      for (const program of fault.controls ?? []) await this.holdControl(fault, program);
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
      this.say(lineOfDuplicates(figure));
      this.failures.push(...complaintsOfDuplicates(figure).map((complaint) => `${where}: ${complaint}`));
    } catch (error) {
      this.failures.push(`${where}: it broke off: ${String(error)}`);
    }
  }

  private async holdOurs(fault: Fault): Promise<void> {
    const { trials } = this.choices;
    const { figure, complaints, logs } = await holdTrials({ ...this.plan(fault, 'ours'), trials });
    this.figures.push(figure);
    this.say(lineOf(figure));
    this.failures.push(...complaints.map((complaint) => `${fault.name} on ${this.database}: ${complaint} (${logs})`));
  }

  private plan(fault: Fault, program: HostProgram): Omit<Plan, 'trials'> {
    const { seed, inTurn, databases } = this.choices;
    const isAlone = inTurn || databases.length === 1;
    const onTheWay = isAlone ? ON_THE_WAY.inTurn : ON_THE_WAY.sideBySide;
    return { fault, database: this.database, program, seed, onTheWay };
  }

  private async holdControl(fault: Fault, program: HostProgram): Promise<void> {
    const { controlTrials } = this.choices;
    const { figure } = await holdTrials({ ...this.plan(fault, program), trials: controlTrials }, isSeenToFail);
    this.controls.push(figure);
    this.say(lineOf(figure));
    this.failures.push(...blindnessOf(figure));
  }
}

function isSeenToFail(figure: Figure): boolean {
  return blindnessOf(figure).length === 0;
}
