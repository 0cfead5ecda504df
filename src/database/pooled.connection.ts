import type { DataSource, QueryRunner } from 'typeorm';
import { Semaphore } from '../concurrency/semaphore.js';
import { withDeadline, withTimeout } from '../concurrency/with-timeout.js';
import { DatabaseConnection, withQueryRunner } from './database.connection.js';
import { DatabaseTimeoutError, isReadOnly } from './database.errors.js';
import type { Dialect, ServerSession } from './dialect/dialect.js';
import type { Lane, StatementTimeouts } from './lanes.js';

/** Connections of the host's pool that handlers' transactions leave to the host. */
const RESERVED_CONNECTIONS = 4;
/** Longest time that the end of a session is waited for. */
const END_SESSION_TIMEOUT_MS = 2_000;

/** Pools of the inbox and of the host. */
export interface Pools {
  /** Connections of the inbox. */
  readonly pool: DataSource;
  /** Number of them. */
  readonly connections: number;
  /** Number of connections in the host's pool. */
  readonly hostConnections: number;
  readonly timeouts: StatementTimeouts;
}

/**
 * Connections of the inbox to PostgreSQL, MariaDB or MySQL, and those of the host for the transactions of handlers. One
 * connection is always free for renewals, and one for receiving. A statement that takes too long, or that is refused
 * because its session is read-only, loses its connection: a silent peer or a former primary cannot keep it.
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
  /** Identities of the sessions of connections. One that is unknown is never ended at the server. */
  readonly #identities = new WeakMap<object, unknown>();
  /** Connections whose session has our settings. */
  readonly #prepared = new WeakSet<object>();

  constructor(host: DataSource, dialect: Dialect, { pool, connections, hostConnections, timeouts }: Pools) {
    super(host, dialect, new Semaphore(Math.max(1, hostConnections - RESERVED_CONNECTIONS)));
    this.dataSource = pool;
    this.timeouts = timeouts;
    this.hostConnections = hostConnections;
    this.#work = new Semaphore(connections - 1);
    this.#processing = new Semaphore(connections - 2);
  }

  override get scarcePoolSize(): number | undefined {
    return this.hostConnections > RESERVED_CONNECTIONS ? undefined : this.hostConnections;
  }

  /** Closes the pool of the inbox, and never that of the host. */
  override async close(): Promise<void> {
    if (this.dataSource !== this.hostDataSource && this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  override createDedicatedRunner(): QueryRunner {
    return this.dataSource.createQueryRunner();
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
      case 'urgent':
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
    return withQueryRunner(this.hostDataSource, async (runner) => {
      await this.readSessionIdentity(runner, 'processing').catch(() => {}); // the next statement fails too
      return work(runner);
    });
  }

  protected override async withStatementTimeout<T>(runner: QueryRunner, statement: Promise<T>, lane: Lane): Promise<T> {
    const timeout = this.timeouts[lane];
    try {
      return await withTimeout(statement, timeout, () => new DatabaseTimeoutError(timeout));
    } catch (error) {
      // The server may take writes again, or be another one, but not in this session.
      if (error instanceof DatabaseTimeoutError || isReadOnly(this.dialect, error)) void this.discard(runner);
      throw error;
    }
  }

  /**
   * The session is ended at the server too, from another connection: one that waits for a lock does not notice that its
   * client has gone, and keeps its own locks.
   */
  protected override async discard(runner: QueryRunner): Promise<void> {
    const id = this.dialect.sessionId(runner);
    const identity = this.#identityOf(runner);
    await this.dialect.disconnect(runner);
    if (id !== undefined && identity !== undefined) await this.endSession({ id, identity });
  }

  /** Gives up after a while: other sessions may have to be ended first, or nothing can be reached. */
  private endSession(session: ServerSession): Promise<void> {
    const task = () =>
      withQueryRunner(this.dataSource, async (runner) => {
        const ended = this.endFrom(runner, session);
        await withTimeout(ended, END_SESSION_TIMEOUT_MS).catch(() => this.dialect.disconnect(runner));
      });
    const late = () => new DatabaseTimeoutError(END_SESSION_TIMEOUT_MS);
    return withDeadline((deadline) => this.#ending.run(task, deadline), END_SESSION_TIMEOUT_MS, late).catch(() => {});
  }

  private async endFrom(runner: QueryRunner, session: ServerSession): Promise<void> {
    await this.readSessionIdentity(runner, 'processing');
    const end = this.dialect.endSession(session, this.#identityOf(runner));
    if (!end) return;
    const { text, parameters } = end.render(this.dialect.placeholder);
    await runner.query(text, parameters);
  }

  #identityOf(runner: QueryRunner): unknown {
    const { databaseConnection } = runner as QueryRunner & { databaseConnection?: object };
    return databaseConnection && this.#identities.get(databaseConnection);
  }

  /** Asks a connection that is new for the identity of its session. */
  private async readSessionIdentity(runner: QueryRunner, lane: Lane): Promise<void> {
    const { sessionIdentity } = this.dialect;
    if (!sessionIdentity) return;
    const connection = await this.withStatementTimeout(runner, runner.connect() as Promise<object>, lane);
    if (this.#identities.has(connection)) return;
    const { text } = sessionIdentity.render(this.dialect.placeholder);
    const [row] = await this.withStatementTimeout(runner, runner.query(text) as Promise<{ identity: unknown }[]>, lane);
    this.#identities.set(connection, row?.identity);
  }

  /** Sets up the session of a connection that is new. */
  private async prepare(runner: QueryRunner, lane: Lane): Promise<void> {
    const connection = await this.withStatementTimeout(runner, runner.connect() as Promise<object>, lane);
    if (this.#prepared.has(connection)) return;
    for (const statement of this.dialect.session)
      await this.withStatementTimeout(runner, runner.query(statement), lane);
    await this.readSessionIdentity(runner, lane).catch(() => {}); // the next statement fails too
    this.#prepared.add(connection);
  }
}
