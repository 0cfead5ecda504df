import { newId } from '../../src/new-id.js';
import { Audit } from './audit.js';
import { brokenRules } from './checker.js';
import type { DatabaseUnderTest } from './databases/database-under-test.js';
import { FileDatabase } from './databases/file-database.js';
import { ServerDatabase } from './databases/server-database.js';
import { openPostgres } from './engine/postgres-engine.js';
import { SimulatedServer } from './engine/simulated-server.js';
import { openMemory } from './engine/tables.js';
import { Scheduler } from './scheduler.js';
import { installVirtualGlobals } from './virtual-globals.js';
import { Cluster } from './world/cluster.js';
import { ScriptedHandlers } from './world/handlers.js';
import { History } from './world/history.js';
import { Operator } from './world/operator.js';
import { Scripts } from './world/scripts.js';
import { Sender } from './world/sender.js';
import { scheduleSettings } from './world/settings.js';
import { World } from './world/world.js';

const MAX_INSTANCES = 3;
/** Time after the last fault within which everything must be at rest. */
const REST_TIMEOUT_MS = 300_000;
/** Time after the last fault within which all must be at rest that no vanished machine holds. */
const PATIENCE_MS = 150_000;
const CHECK_INTERVAL_MS = 1_000;
/** Before the time of a schedule begins: the ids of the one before have to be of another time. */
const PRELUDE_MS = 3_600_000;

export interface ScheduleResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly lines: readonly string[];
  readonly steps: number;
  /** Virtual milliseconds. */
  readonly duration: number;
}

/** Database in which the statements run. `memory`: a simulated server. `postgres`: a real one. `sqlite`: a file. */
export type DatabaseKind = 'memory' | 'postgres' | 'sqlite';

/** Runs schedules, one after the other, on one database. */
export class Simulation {
  readonly #audit: Audit;

  private constructor(
    private readonly scheduler: Scheduler,
    readonly database: DatabaseUnderTest,
    /** The schedule that runs. */
    private readonly current: { world: World | undefined },
  ) {
    this.#audit = new Audit(database);
    process.on('unhandledRejection', (error) => this.current.world?.violate(`nobody handles ${String(error)}`));
  }

  static async open(kind: DatabaseKind): Promise<Simulation> {
    const scheduler = new Scheduler();
    const current: { world: World | undefined } = { world: undefined };
    const database = await openDatabase(kind, scheduler, () => current.world);
    installVirtualGlobals(scheduler, () => current.world?.random.next() ?? 0);
    return new Simulation(scheduler, database, current);
  }

  async close(): Promise<void> {
    await this.database.close();
  }

  async run(seed: number, isTraced = false): Promise<ScheduleResult> {
    const { scheduler } = this;
    await this.database.reset();
    scheduler.reset(-PRELUDE_MS, (error) => this.current.world?.violate(`an error escapes: ${String(error)}`));
    let isOver = false;
    scheduler.after(0, () => {
      newId();
      scheduler.now = 0;
      this.#begin(seed, isTraced, () => {
        isOver = true;
      });
    });
    await scheduler.run(() => isOver);
    await new Promise(setImmediate); // rejections that nobody handles are told now
    const world = this.current.world;
    this.current.world = undefined;
    const { steps, now } = scheduler;
    return { seed, violations: [...(world?.violations ?? [])], lines: world?.lines ?? [], steps, duration: now };
  }

  #begin(seed: number, isTraced: boolean, end: () => void): void {
    const { scheduler } = this;
    const settings = scheduleSettings(seed);
    const world: World = new World(
      {
        scheduler,
        database: this.database,
        inFlightOf: (process) => cluster.inFlightOf(process),
        restart: (process) => cluster.restart(process),
      },
      settings,
      isTraced,
    );
    this.current.world = world;
    const history = new History(new Scripts(seed, settings.isQuiet));
    const cluster: Cluster = new Cluster(world, new ScriptedHandlers(world, history), this.database);
    const sender = new Sender(world, history, this.#audit, () => cluster.instances);
    cluster.start();
    sender.start();
    new Operator(world, history, this.#audit, () => cluster.instances).start();
    for (const { at, duration } of settings.outages) scheduler.after(at, () => world.breakDown(duration));
    for (const at of settings.deployments) scheduler.after(at, () => cluster.deploy());
    scheduler.after(settings.calmAt, () => {
      world.isCalm = true;
      cluster.thaw();
      this.#awaitRest(world, history, sender, end);
    });
  }

  /** Ends the schedule as soon as everything is at rest, or once that takes too long. */
  #awaitRest(world: World, history: History, sender: Sender, end: () => void): void {
    const { scheduler } = world;
    const giveUpAt = scheduler.now + REST_TIMEOUT_MS;
    const look = async () => {
      const isHeld = sender.unanswered > 0 || this.database.heldTransactions > 0;
      const isAtRest = !isHeld && (await this.#audit.unfinished()).length === 0;
      if (!isAtRest && scheduler.now < giveUpAt) scheduler.after(CHECK_INTERVAL_MS, look);
      else await this.#check(world, history, sender).then(end);
    };
    scheduler.after(CHECK_INTERVAL_MS, look);
    scheduler.after(PATIENCE_MS, () => this.#assertNotHeldUp(world));
  }

  /** Whatever no vanished machine has had in hand must be done by now. */
  async #assertNotHeldUp(world: World): Promise<void> {
    for (const { id, session } of await this.#audit.unfinished())
      if (!world.held.has(id)) world.violate(`${session} is not at its end, and no vanished machine holds it`);
  }

  async #check(world: World, history: History, sender: Sender): Promise<void> {
    const { incidents, unrecorded } = world;
    for (const rule of brokenRules({ history, state: await this.#audit.state(), incidents, unrecorded }))
      world.violate(rule);
    if (sender.unanswered > 0) world.violate(`${sender.unanswered} posts are never acknowledged`);
    const { heldTransactions } = this.database;
    if (heldTransactions > 0) world.violate(`${heldTransactions} transactions are left open`);
  }
}

async function openDatabase(
  kind: DatabaseKind,
  scheduler: Scheduler,
  world: () => World | undefined,
): Promise<DatabaseUnderTest> {
  switch (kind) {
    case 'memory': {
      const engine = new SimulatedServer(await openMemory(), scheduler);
      return ServerDatabase.open(engine, { isExact: true, slots: MAX_INSTANCES, world });
    }
    case 'postgres':
      return ServerDatabase.open(await openPostgres(), { isExact: false, slots: MAX_INSTANCES, world });
    case 'sqlite':
      return FileDatabase.open(MAX_INSTANCES);
    default:
      return kind satisfies never;
  }
}
