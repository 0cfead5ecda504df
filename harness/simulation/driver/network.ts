import { StatementError, type Ending, type Engine, type Session } from '../engine/engine.js';
import type { Fault } from '../world/faults.js';
import type { SimulatedProcess } from '../world/process.js';
import type { World } from '../world/world.js';
import { connectionLost, type SentStatement, type SimulatedClient } from './simulated-client.js';

/** Time after which a server gives up a connection on which nothing arrives. */
const KEEPALIVE_MS = 60_000;
/** Statement that no server knows: it fails there, and aborts the transaction. */
const NONSENSE = 'SIMULATED DEADLOCK';

/** Carries statements to the server and answers back, with delays and faults. */
export class Network {
  readonly #clients = new Map<Session, { client: SimulatedClient; process: SimulatedProcess }>();

  constructor(
    private readonly engine: Engine,
    private readonly world: () => World | undefined,
  ) {}

  /** Forgets every connection. */
  reset(): void {
    this.#clients.clear();
  }

  /** Number of transactions that processes hold which are alive and can hear of it. */
  get heldTransactions(): number {
    return [...this.#clients].filter(([session, { process }]) => session.isInTransaction && process.isAlive).length;
  }

  connect(client: SimulatedClient): void {
    const world = this.world();
    if (!world) return queueMicrotask(() => client.connected()); // before the first schedule
    const process = world.running;
    world.scheduler.after(world.latency(), () => this.#open(world, client, process));
  }

  async #open(world: World, client: SimulatedClient, process: SimulatedProcess): Promise<void> {
    if (world.isDown || !process.isAlive) {
      world.scheduler.after(0, () => client.connected(refused()), process);
      return;
    }
    const session = await this.engine.open(client.lockTimeout);
    client.session = session;
    this.#clients.set(session, { client, process });
    session.onClose = () => this.#tell(world, client, process);
    world.scheduler.after(world.latency(), () => client.connected(), process);
  }

  /** The server hasSubscribers of it, unless the connection is silent. */
  disconnect(client: SimulatedClient): void {
    const world = this.world();
    const { session } = client;
    if (!world || !session || client.isSilent) return;
    world.scheduler.after(world.latency(), () => this.#close(session));
  }

  send(client: SimulatedClient, statement: SentStatement): void {
    const world = this.world();
    if (!world) return client.answer({ result: BOOT });
    const process = world.running;
    const fault = client.isSilent ? 'silent-before' : world.faults.atStatement(process, statement.text);
    const turn = { client, statement, fault, process };
    if (fault === 'die-before') return world.kill(process);
    world.scheduler.after(world.latency(), () => this.#arrive(world, turn));
  }

  /**
   * Ends sessions of a process that has died.
   *
   * @param which all, or those of the module, whose settings bound how long they may be idle in a transaction
   */
  dropAll(process: SimulatedProcess, which: 'all' | 'own' = 'all'): void {
    for (const [session, { client, process: owner }] of this.#clients)
      if (owner === process && (which === 'all' || client.lockTimeout > 0)) void this.#close(session);
  }

  /** Ends every session. */
  dropEverything(): void {
    for (const session of this.#clients.keys()) void this.#close(session);
  }

  #arrive(world: World, { client, statement, fault, process }: Turn): void | Promise<void> {
    const { session } = client;
    if (!session?.isOpen) return; // the client hasSubscribers of that in its own time
    if (fault === 'silent-before') return this.#fallSilent(world, client);
    if (fault === 'refused') return this.#close(session);
    if (world.isTraced) world.trace(`${statement.text} ${JSON.stringify(statement.parameters)}`, process);
    const end = (ending: Ending) => this.#leave(world, { client, statement, fault, process }, ending);
    if (fault === 'deadlock')
      return session.execute(NONSENSE, [], () => end({ error: new StatementError('40P01', 'deadlock detected') }));
    return session.execute(statement.text, statement.parameters, end);
  }

  #leave(world: World, { client, fault, process }: Turn, ending: Ending): void {
    if (world.isTraced) world.trace(describe(ending), process);
    switch (fault) {
      case 'die-after':
        return world.kill(process);
      case 'freeze':
        world.freeze(process);
        break;
      case 'silent-after':
        return this.#fallSilent(world, client);
      case 'answer-lost':
        if (client.session) void this.#close(client.session);
        return;
      default:
    }
    world.scheduler.after(world.latency(), () => client.answer(ending), process);
  }

  #fallSilent(world: World, client: SimulatedClient): void {
    const { session, isSilent } = client;
    client.isSilent = true;
    if (session && !isSilent) world.scheduler.after(KEEPALIVE_MS, () => this.#close(session));
  }

  #close(session: Session): void | Promise<void> {
    if (!session.isOpen) return;
    this.#clients.delete(session);
    return session.close();
  }

  #tell(world: World, client: SimulatedClient, process: SimulatedProcess): void {
    if (!client.isSilent) world.scheduler.after(world.latency(), () => client.lose(), process);
  }
}

interface Turn {
  readonly client: SimulatedClient;
  readonly statement: SentStatement;
  readonly fault: Fault | undefined;
  readonly process: SimulatedProcess;
}

/** Answers what TypeORM asks when it opens a pool. */
const BOOT = {
  rows: [{ version: 'PostgreSQL 15.0', current_database: 'simulation', current_schema: 'public' }],
  rowCount: 1,
  command: 'SELECT',
};

function refused(): Error {
  return Object.assign(connectionLost(), { code: 'ECONNREFUSED' });
}

function describe(ending: Ending): string {
  if ('error' in ending) return `-> ${ending.error.message}`;
  const { rows, rowCount } = ending.result;
  return rows.length > 0 ? `-> ${JSON.stringify(rows)}` : `-> ${rowCount}`;
}
