import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import type { DatabaseKind } from '../../support/database/databases.js';
import type { Account } from './account.js';
import { ServerProcess } from './server-process.js';

const PATIENCE = 30_000;

/** A database server of our own, to be broken in every way; nobody else uses it. */
export abstract class PrivateServer {
  abstract readonly kind: Exclude<DatabaseKind, 'sqlite'>;
  /** As an application's user. */
  abstract readonly url: string;
  /** As one whom no fault but the server's end keeps out. */
  abstract readonly administratorUrl: string;
  #process: ServerProcess | undefined;
  #connection: DataSource | undefined;

  protected constructor(
    protected readonly folder: string,
    private readonly account: Account,
    protected readonly port: number,
  ) {
    process.once('exit', this.#leaveNothing);
  }

  protected get data(): string {
    return join(this.folder, 'data');
  }

  /** The program that runs, and what it is told. */
  protected abstract command(): [string, ...string[]];
  protected abstract readonly shutdownSignal: NodeJS.Signals;
  abstract terminateConnections(): Promise<void>;
  abstract setReadOnly(isReadOnly: boolean): Promise<void>;

  /** Resolves once it takes connections. */
  async start(): Promise<void> {
    const [program, ...args] = this.command();
    const server = new ServerProcess(program, args, this.folder, this.account);
    this.#process = server;
    const giveUpAt = performance.now() + PATIENCE;
    for (;;) {
      try {
        await this.query('SELECT 1');
        return;
      } catch (error) {
        if (server.hasEnded) throw new Error(`The server has ended:\n${server.said}`, { cause: error });
        if (performance.now() > giveUpAt) throw error;
        await sleep(20);
      }
    }
  }

  /** In its orderly way: what is being done is broken off, what is committed is written. */
  stop(): Promise<void> {
    return this.end((server) => server.end(this.shutdownSignal));
  }

  /** All of its processes, with SIGKILL. */
  kill(): Promise<void> {
    return this.end((server) => server.kill());
  }

  /** All of its processes stand still: connections stay open, and nothing is answered. */
  freeze(): void {
    this.#process?.freeze();
  }

  thaw(): void {
    this.#process?.thaw();
  }

  /** Ends it and deletes what it has stored. */
  async remove(): Promise<void> {
    this.thaw();
    if (this.#process && !this.#process.hasEnded) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    process.off('exit', this.#leaveNothing);
  }

  /** However this process ends: there is no time to wait for anything then. */
  readonly #leaveNothing = (): void => {
    this.#process?.killNow();
    rmSync(this.folder, { recursive: true, force: true });
  };

  /** As the administrator. */
  async query<Row>(statement: string): Promise<Row[]> {
    this.#connection ??= await new DataSource({ type: this.kind, url: this.administratorUrl }).initialize();
    return this.#connection.query<Row[]>(statement);
  }

  /** Its first start, and what makes it ready for applications. */
  protected async begin(...statements: string[]): Promise<void> {
    try {
      await this.start();
      for (const statement of statements) await this.query(statement);
    } catch (error) {
      await this.remove();
      throw error;
    }
  }

  protected async end(how: (server: ServerProcess) => Promise<void>): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.destroy();
    if (this.#process) await how(this.#process);
  }
}

/** Where a server keeps its data. */
export function temporaryFolder({ uid, gid }: Account): string {
  const folder = mkdtempSync(join(tmpdir(), 'cr3d-server-'));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}
