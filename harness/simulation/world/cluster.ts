import type { DatabaseUnderTest } from '../databases/database-under-test.js';
import type { ScriptedHandlers } from './handlers.js';
import { handlerIds } from './handler-ids.js';
import { Instance } from './instance.js';
import { SimulatedProcess } from './process.js';
import type { Version } from './settings.js';
import type { World } from './world.js';

const BOOT_RETRY_MS = 500;
/** Time that is as long as a lease. Ids that are made at once stay different: the generator is that of the whole simulation. */
const MAX_CLOCK_ERROR_MS = 4_000;

/** Starts instances, and others in the place of those that have ended. */
export class Cluster {
  readonly instances: Instance[] = [];
  #processes = 0;

  constructor(
    private readonly world: World,
    private readonly handlers: ScriptedHandlers,
    private readonly database: DatabaseUnderTest,
  ) {}

  start(): void {
    for (const [slot, version] of this.world.settings.versions.entries()) this.#startIn(slot, version);
  }

  /** Starts a process in the place of one that has died, with the same version or with the new one. */
  restart(process: SimulatedProcess): void {
    const slot = this.instances.findIndex((instance) => instance.process === process);
    const version = this.instances[slot]?.parts.version ?? 'new';
    this.#startIn(slot, this.world.random.next() < 0.3 ? 'new' : version);
  }

  inFlightOf(process: SimulatedProcess): readonly string[] {
    return this.instances.find((instance) => instance.process === process)?.inFlight ?? [];
  }

  /** Stops one instance in order, and starts another. */
  deploy(): void {
    const ready = this.instances.filter(({ isReady, isLeaving, process }) => isReady && !isLeaving && process.isAlive);
    const instance = ready[this.world.random.whole(0, ready.length - 1)];
    if (!instance) return;
    instance.isLeaving = true;
    const { process } = instance;
    this.world.trace('STOPS', process);
    this.world.scheduler.after(
      0,
      () => {
        void instance.stop().then(() => this.world.scheduler.after(0, () => this.world.kill(process)));
      },
      process,
    );
  }

  /** Lets everything go on that stands still. */
  thaw(): void {
    for (const { process } of this.instances) process.frozenUntil = 0;
  }

  #startIn(slot: number, version: Version): void {
    const process = new SimulatedProcess(`${String.fromCharCode(65 + slot)}${++this.#processes}`, this.#clockError());
    const handlers = this.handlers.of(handlerIds[version], () => instance);
    const instance = new Instance({ world: this.world, process, version, handlers });
    this.instances[slot] = instance;
    this.world.trace(`STARTS ${version}, clock ${process.clockError}`, process);
    this.#boot(instance, slot, 0);
  }

  /** Draws by how much the clock of a machine is wrong, where this harms nobody. */
  #clockError(): number {
    const { random } = this.world;
    return this.database.hasClock && random.next() < 0.3 ? random.whole(-MAX_CLOCK_ERROR_MS, MAX_CLOCK_ERROR_MS) : 0;
  }

  /** Boots an instance, and tries again while its database cannot be reached. */
  #boot(instance: Instance, slot: number, delay: number): void {
    const { process } = instance;
    const boot = async () => {
      const connection = await this.database.connect(this.world, process, slot).catch(() => undefined);
      const again = (error?: Error) => {
        if (error && /has no provider/.test(error.message)) this.world.violate(error.message); // of this program itself
        this.#boot(instance, slot, BOOT_RETRY_MS);
      };
      if (connection) this.world.scheduler.after(0, () => void instance.boot(connection).catch(again), process);
      else again();
    };
    this.world.scheduler.after(delay, boot, process);
  }
}
