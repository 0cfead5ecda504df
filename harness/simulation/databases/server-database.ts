import { statementTimeouts } from '../../../src/database/lanes.js';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { POSTGRES_SESSION } from '../../../src/database/dialect/postgres.dialect.js';
import { PooledConnection } from '../../../src/database/pooled.connection.js';
import { Network } from '../driver/network.js';
import type { Engine } from '../engine/engine.js';
import type { SimulatedProcess } from '../world/process.js';
import type { World } from '../world/world.js';
import type { DatabaseUnderTest } from './database-under-test.js';
import { CONNECTIONS, openDatabases, renewPools, type InstanceDatabases } from './pools.js';

/** Time for which a server keeps the transactions of a machine that has vanished. */
const VANISHED_MS = 200_000;
const IDLE_TIMEOUT_MS = POSTGRES_SESSION.idle_in_transaction_session_timeout;

/** A database server, simulated or real, behind a simulated network. */
export class ServerDatabase implements DatabaseUnderTest {
  readonly #network: Network;
  readonly #slots: InstanceDatabases[] = [];

  private constructor(
    private readonly engine: Engine,
    readonly isExact: boolean,
    world: () => World | undefined,
  ) {
    this.#network = new Network(engine, world);
  }

  static async open(
    engine: Engine,
    { isExact, slots, world }: { isExact: boolean; slots: number; world: () => World | undefined },
  ): Promise<ServerDatabase> {
    const database = new ServerDatabase(engine, isExact, world);
    for (let slot = 0; slot < slots; slot++) database.#slots.push(await openDatabases(database.#network));
    return database;
  }

  get hasClock(): boolean {
    return this.engine.dialect.now !== undefined;
  }

  get heldTransactions(): number {
    return this.#network.heldTransactions;
  }

  connect({ settings }: World, _: SimulatedProcess, slot: number): Promise<DatabaseConnection> {
    const databases = this.#slots[slot];
    if (!databases) throw new Error(`There is no slot ${slot}.`);
    renewPools(databases, this.#network);
    const pools = {
      pool: databases.own,
      connections: CONNECTIONS.own,
      hostConnections: CONNECTIONS.host,
      timeouts: statementTimeouts(settings.receiving.ackTimeout, settings.processing.lease),
    };
    return Promise.resolve(new PooledConnection(databases.host, this.engine.dialect, pools));
  }

  bury({ scheduler, random }: World, process: SimulatedProcess): boolean {
    const draw = random.next();
    const isVanished = draw > 0.96;
    const delay = isVanished ? VANISHED_MS : random.whole(1_000, 20_000);
    scheduler.after(draw < 0.7 ? 0 : delay, () => this.#network.dropAll(process));
    if (isVanished) scheduler.after(IDLE_TIMEOUT_MS, () => this.#network.dropAll(process, 'own'));
    return isVanished;
  }

  dropAll(): void {
    this.#network.dropEverything();
  }

  read(text: string): Record<string, unknown>[] | Promise<Record<string, unknown>[]> {
    return this.engine.read(text);
  }

  async reset(): Promise<void> {
    await this.engine.reset(); // it may tell the processes of the schedule before
    this.#network.reset();
  }

  close(): void | Promise<void> {
    return this.engine.close();
  }
}
