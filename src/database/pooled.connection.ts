import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { Semaphore } from '../concurrency/semaphore.js';
import { withDeadline, withTimeout } from '../concurrency/with-timeout.js';
import { DatabaseConnection, withQueryRunner } from './database.connection.js';
import { DatabaseTimeoutError } from './database.errors.js';
import type { Dialect } from './dialect/dialect.js';
import type { Lane, StatementTimeouts } from './lanes.js';
import type { Sql } from './sql.js';

/** Connections of the host's pool that handlers' transactions leave to the host. */
const LEFT_TO_HOST = 4;
/** Longest time that the end of a session is waited for. */
const END_SESSION_TIMEOUT_MS = 2_000;

/** What is known of the pools. */
export interface Pools {
  /** Connections of the inbox. */
  readonly own: DataSource;
  /** Number of them. */
  readonly connections: number;
  /** Number of connections in the host's pool. */
  readonly hostConnections: number;
  readonly timeouts: StatementTimeouts;
}

/**
 * Connections of the inbox to PostgreSQL, MariaDB or MySQL, and those of the host for the transactions of handlers. One
 * connection is always free for renewals, and one for receiving. A statement that takes too long loses its connection,
 * so that a silent peer cannot keep it.
 */
export class PooledConnection extends DatabaseConnection {
  private readonly dataSource: DataSource;
  private readonly timeouts: StatementTimeouts;
  private readonly hostConnections: number;
  /** All but renewals. */
  readonly #work: Semaphore;
  readonly #processing: Semaphore;
  readonly #operating = new Semaphore(1);
  /** One session is ended at a time, so that this takes one connection beside the lanes at most. */
  readonly #ending = new Semaphore(1);
  /** The servers that connections are of, where they have to be told apart. */
  readonly #servers = new WeakMap<object, unknown>();
  /** Connections whose session has our settings. */
  readonly #prepared = new WeakSet<object>();

  constructor(host: DataSource, dialect: Dialect, { own, connections, hostConnections, timeouts }: Pools) {
    super(host, dialect, new Semaphore(Math.max(1, hostConnections - LEFT_TO_HOST)));
    this.dataSource = own;
    this.timeouts = timeouts;
    this.hostConnections = hostConnections;
    this.#work = new Semaphore(connections - 1);
    this.#processing = new Semaphore(connections - 2);
  }

  override get scarcePool(): number | undefined {
    return this.hostConnections > LEFT_TO_HOST ? undefined : this.hostConnections;
  }

  /** Leaves the pool of the host to the host. */
  override async close(): Promise<void> {
    if (this.dataSource !== this.host && this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  override createDedicatedRunner(): QueryRunner {
    return this.dataSource.createQueryRunner();
  }

  override read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.withRunner('operating', (runner) =>
      this.inTime(runner, work(this.dataSource.createEntityManager(runner)), 'operating'),
    );
  }

  protected override withRunner<T>(lane: Lane, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const task = () =>
      withQueryRunner(this.dataSource, async (runner) => {
        await this.prepare(runner, lane);
        return work(runner);
      });
    const giveUpAt = performance.now() + this.timeouts[lane];
    return this.inLane(lane, async () => {
      if (performance.now() > giveUpAt) throw new DatabaseTimeoutError(this.timeouts[lane]); // nobody waits for it
      return task();
    });
  }

  private inLane<T>(lane: Lane, task: () => Promise<T>): Promise<T> {
    switch (lane) {
      case 'renewing':
        return task();
      case 'receiving':
        return this.#work.run(task);
      case 'processing':
        return this.#processing.run(() => this.#work.run(task));
      case 'operating':
        return this.#operating.run(() => this.#processing.run(() => this.#work.run(task)));
      default:
        return lane satisfies never;
    }
  }

  protected override withHandlerRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return withQueryRunner(this.host, async (runner) => {
      await this.identify(runner, 'processing').catch(() => {}); // the next statement fails too
      return work(runner);
    });
  }

  protected override async inTime<T>(runner: QueryRunner, statement: Promise<T>, lane: Lane): Promise<T> {
    const timeout = this.timeouts[lane];
    try {
      return await withTimeout(statement, timeout, () => new DatabaseTimeoutError(timeout));
    } catch (error) {
      if (error instanceof DatabaseTimeoutError) void this.discard(runner);
      throw error;
    }
  }

  /**
   * The session is ended at the server too, from another connection: one that waits for a lock does not notice that its
   * client has gone, and keeps its own locks.
   */
  protected override async discard(runner: QueryRunner): Promise<void> {
    const end = this.dialect.endSession(runner);
    const server = this.#serverOf(runner);
    await this.dialect.disconnect(runner);
    if (end) await this.endSession(end, server);
  }

  /** Gives up after a while: other sessions may have to be ended first, or nothing can be reached. */
  private endSession(end: Sql, server: unknown): Promise<void> {
    const task = () =>
      withQueryRunner(this.dataSource, async (runner) => {
        const ended = this.endFrom(runner, end, server);
        await withTimeout(ended, END_SESSION_TIMEOUT_MS).catch(() => this.dialect.disconnect(runner));
      });
    const late = () => new DatabaseTimeoutError(END_SESSION_TIMEOUT_MS);
    return withDeadline((deadline) => this.#ending.run(task, deadline), END_SESSION_TIMEOUT_MS, late).catch(() => {});
  }

  private async endFrom(runner: QueryRunner, end: Sql, server: unknown): Promise<void> {
    await this.identify(runner, 'processing');
    if (this.#serverOf(runner) !== server) return; // after a failover, somebody else may have its id
    const { text, parameters } = end.render(this.dialect.placeholder);
    await runner.query(text, parameters);
  }

  #serverOf(runner: QueryRunner): unknown {
    const { databaseConnection } = runner as QueryRunner & { databaseConnection?: object };
    return databaseConnection && this.#servers.get(databaseConnection);
  }

  /** Asks a connection that is new which server it is of. */
  private async identify(runner: QueryRunner, lane: Lane): Promise<void> {
    const { serverIdentity } = this.dialect;
    if (!serverIdentity) return;
    const connection = await this.inTime(runner, runner.connect() as Promise<object>, lane);
    if (this.#servers.has(connection)) return;
    const { text } = serverIdentity.render(this.dialect.placeholder);
    const [row] = await this.inTime(runner, runner.query(text) as Promise<{ identity: unknown }[]>, lane);
    this.#servers.set(connection, row?.identity);
  }

  /** Sets up the session of a connection that is new. */
  private async prepare(runner: QueryRunner, lane: Lane): Promise<void> {
    const { session } = this.dialect;
    if (session.length === 0) return;
    const connection = await this.inTime(runner, runner.connect() as Promise<object>, lane);
    if (this.#prepared.has(connection)) return;
    for (const statement of session) await this.inTime(runner, runner.query(statement), lane);
    await this.identify(runner, lane);
    this.#prepared.add(connection);
  }
}
