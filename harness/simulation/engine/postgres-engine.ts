import { createRequire } from 'node:module';
import type { DataSource } from 'typeorm';
import type { Dialect } from '../../../src/database/dialect/dialect.js';
import { postgresDialect } from '../../../src/database/dialect/postgres.dialect.js';
import type { Ending, Engine, Session, StatementResult } from './engine.js';
import { createTables } from './tables.js';

/** A connection of the real driver. */
interface Client {
  connect(): Promise<void>;
  query(text: string, parameters?: readonly unknown[]): Promise<StatementResult>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): void;
}

const { Client } = createRequire(import.meta.url)('pg') as {
  Client: new (options: { connectionString: string }) => Client;
};

const URL_OF_SERVER = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test';
/** The world stands still while a statement waits, so nobody can free what it waits for. */
const MAX_LOCK_TIMEOUT_MS = 100;
const TERMINATE = /pg_terminate_backend/;
const BEGINS = /^\s*(START TRANSACTION|BEGIN)/i;
const ENDS = /^\s*(COMMIT|ROLLBACK(?! TO))/i;

/** A real PostgreSQL. Its statements run one at a time: it is the order of events that the seed decides. */
export class PostgresEngine implements Engine {
  readonly dialect: Dialect = {
    ...postgresDialect,
    now: undefined, // all have the virtual clock
    durabilityProblems: () => Promise.resolve([]),
  };
  readonly #sessions = new Map<number, PostgresSession>();
  readonly #idle: Client[] = [];
  readonly #all: Client[] = [];
  #lastId = 0;

  constructor(
    private readonly url: string,
    private readonly admin: DataSource,
    private readonly drop: () => Promise<void>,
  ) {}

  async open(): Promise<PostgresSession> {
    const client = this.#idle.pop() ?? (await this.#connect());
    const session = new PostgresSession(this, ++this.#lastId, client);
    this.#sessions.set(session.id, session);
    return session;
  }

  read(text: string): Promise<Record<string, unknown>[]> {
    return this.admin.query(text);
  }

  async reset(): Promise<void> {
    for (const session of this.#sessions.values()) await session.close();
    this.#lastId = 0;
    for (const { tablePath } of this.admin.entityMetadatas) await this.admin.query(`DELETE FROM "${tablePath}"`);
    await this.admin.query('DELETE FROM effect');
  }

  async close(): Promise<void> {
    for (const client of this.#all) await client.end();
    await this.admin.destroy();
    await this.drop();
  }

  async terminate(id: number): Promise<void> {
    await this.#sessions.get(id)?.close();
  }

  /** Takes a connection back whose session has ended. */
  giveBack(session: PostgresSession, client: Client): void {
    this.#sessions.delete(session.id);
    this.#idle.push(client);
  }

  async #connect(): Promise<Client> {
    const client = new Client({ connectionString: this.url });
    client.on('error', () => {});
    await client.connect();
    await client.query(`SET lock_timeout = ${MAX_LOCK_TIMEOUT_MS}`);
    await client.query('SET synchronous_commit = off');
    this.#all.push(client);
    return client;
  }
}

class PostgresSession implements Session {
  isOpen = true;
  isInTransaction = false;
  onClose?: () => void;

  constructor(
    private readonly engine: PostgresEngine,
    readonly id: number,
    private readonly client: Client,
  ) {}

  async execute(text: string, parameters: readonly unknown[], end: (ending: Ending) => void): Promise<void> {
    if (TERMINATE.test(text)) {
      await this.engine.terminate(Number(parameters[0]));
      return end({ result: { rows: [], rowCount: 1, command: 'SELECT' } });
    }
    if (BEGINS.test(text)) this.isInTransaction = true;
    const ending = await this.client.query(text, parameters).then(
      ({ rows, rowCount, command }) => ({ result: { rows, rowCount, command } }),
      (error: unknown) => ({ error: error instanceof Error ? error : new Error(String(error)) }),
    );
    if (ENDS.test(text)) this.isInTransaction = false;
    end(ending);
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.onClose?.();
    if (this.isInTransaction) await this.client.query('ROLLBACK');
    this.isInTransaction = false;
    this.engine.giveBack(this, this.client);
  }
}

/** Makes a database of its own on the server. */
export async function openPostgres(): Promise<PostgresEngine> {
  const name = `simulation_${process.pid}`;
  await administer(`CREATE DATABASE ${name}`);
  const url = new URL(URL_OF_SERVER);
  url.pathname = `/${name}`;
  const admin = await createTables({ type: 'postgres', url: url.href });
  return new PostgresEngine(url.href, admin, () => administer(`DROP DATABASE ${name}`));
}

async function administer(statement: string): Promise<void> {
  const client = new Client({ connectionString: URL_OF_SERVER });
  await client.connect();
  await client.query(statement);
  await client.end();
}
