import { SeededRandom } from '../../../src/testing/seeded-random.js';
import type { DatabaseUnderTest } from '../databases/database-under-test.js';
import type { Scheduler } from '../scheduler.js';
import { FaultPlan } from './faults.js';
import { SimulatedProcess } from './process.js';
import type { ScheduleSettings } from './settings.js';

/** Surroundings that the world needs. */
export interface Surroundings {
  readonly scheduler: Scheduler;
  readonly database: DatabaseUnderTest;
  /** Returns the ids of the deliveries that a process has in flight. */
  inFlightOf(process: SimulatedProcess): readonly string[];
  /** Starts an instance in the place of one that has died. */
  restart(process: SimulatedProcess): void;
}

/** One schedule: its random numbers, its faults, and what was seen. */
export class World {
  readonly scheduler: Scheduler;
  readonly faults: FaultPlan;
  readonly random: SeededRandom;
  /** True once no more faults happen. */
  isCalm = false;
  /** True while the server refuses connections. */
  isDown = false;
  /** Events after which a lease may run out without fault of a handler. */
  incidents = 0;
  /** Deliveries of a worker that has crashed before its handlers were recorded: one that only it had may be forgotten. */
  readonly unrecorded = new Set<string>();
  /** Events of any kind after which a lease may run out. */
  lapses = 0;
  /** Ids of deliveries of a machine that has vanished, whose transactions the server keeps open for minutes. */
  readonly held = new Set<string>();
  readonly violations = new Set<string>();
  readonly lines: string[] = [];

  constructor(
    private readonly surroundings: Surroundings,
    readonly settings: ScheduleSettings,
    readonly isTraced: boolean,
  ) {
    this.scheduler = surroundings.scheduler;
    this.random = new SeededRandom(`world ${settings.seed}`);
    this.faults = new FaultPlan(this, this.random, settings.faults);
  }

  /** The process whose code is running. */
  get running(): SimulatedProcess {
    const { current } = this.scheduler;
    if (current instanceof SimulatedProcess) return current;
    throw new Error('Code of the module runs outside of any process.');
  }

  /** Milliseconds that a statement or its answer takes: now and then many. */
  latency(): number {
    const draw = this.random.next();
    return draw < 0.97 ? draw * this.settings.latency : ((draw - 0.97) / 0.03) * (this.settings.processing.lease / 30);
  }

  trace(line: string, process?: SimulatedProcess): void {
    if (this.isTraced) this.lines.push(`${this.scheduler.now.toFixed(1)} ${process?.name ?? '-'} ${line}`);
  }

  violate(rule: string): void {
    if (!this.violations.has(rule)) this.trace(`VIOLATION ${rule}`);
    this.violations.add(rule);
  }

  /** Ends a process at once. Its connections end now, or as late as those of a machine that has vanished. */
  kill(process: SimulatedProcess): void {
    if (!process.isAlive) return;
    process.isAlive = false;
    this.lapses++;
    this.trace('DIES', process);
    const { scheduler, random } = this;
    const isVanished = this.surroundings.database.bury(this, process);
    if (isVanished) for (const id of this.surroundings.inFlightOf(process)) this.held.add(id);
    scheduler.after(random.whole(10, 3_000), () => this.surroundings.restart(process));
  }

  /** Notes that a lease may run out, without fault of a handler. */
  ranOut(): void {
    this.incidents++;
    this.lapses++;
  }

  /** Makes a process stand still for longer than its lease. */
  freeze(process: SimulatedProcess): void {
    const duration = this.settings.processing.lease * (1.1 + this.random.next());
    process.frozenUntil = Math.max(process.frozenUntil, this.scheduler.now + duration);
    this.trace(`FROZEN for ${duration.toFixed(0)}`, process);
  }

  /** Makes the server unreachable for a while. */
  breakDown(duration: number): void {
    this.isDown = true;
    this.trace(`DOWN for ${duration}`);
    this.ranOut(); // a claim may lose its answer
    this.surroundings.database.dropAll();
    this.scheduler.after(duration, () => {
      this.isDown = false;
    });
  }
}
