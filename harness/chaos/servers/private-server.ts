import { chownSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import type { Account } from './account.js';
import type { FakeClock } from './fake-clock.js';
import type { PrivateNetwork } from './network-namespace.js';
import { ServerProcess } from './server-process.js';

const START_TIMEOUT_MS = 30_000;

/** Settings of a private server. */
export interface ServerSettings {
  /** The network that it also listens in, where it notices within seconds that a machine has vanished. */
  readonly network?: PrivateNetwork;
  /** Its clock. @default that of this machine */
  readonly clock?: FakeClock;
}

/** A database server that only the harness uses, and may break in every way. */
export abstract class PrivateServer {
  abstract readonly kind: Exclude<DatabaseKind, 'sqlite'>;
  /** Connects as an application's user. */
  abstract readonly url: string;
  /** Connects as the administrator, whom only the server's end keeps out. */
  abstract readonly administratorUrl: string;
  #process: ServerProcess | undefined;
  #connection: DataSource | undefined;

  protected constructor(
    protected readonly folder: string,
    private readonly account: Account,
    protected readonly port: number,
    protected readonly settings: ServerSettings,
  ) {
    process.once('exit', this.#removeNow);
  }

  /** The addresses that it listens at. */
  protected get addresses(): string {
    const { network } = this.settings;
    return network ? `127.0.0.1,${network.address}` : '127.0.0.1';
  }

  /** Returns the application's URL for the machines of its network. */
  get urlInNetwork(): string {
    const url = new URL(this.url);
    if (this.settings.network) url.hostname = this.settings.network.address;
    return url.href;
  }

  protected get data(): string {
    return join(this.folder, 'data');
  }

  /** The program and its arguments. */
  protected abstract command(): [string, ...string[]];
  protected abstract readonly shutdownSignal: NodeJS.Signals;
  abstract terminateConnections(): Promise<void>;
  abstract setReadOnly(isReadOnly: boolean): Promise<void>;

  /** Resolves once it takes connections. */
  async start(): Promise<void> {
    const [program, ...args] = this.command();
    const server = new ServerProcess(program, args, this.folder, this.account, this.settings.clock?.environment);
    this.#process = server;
    const giveUpAt = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        await this.query('SELECT 1');
        return;
      } catch (error) {
        if (server.hasEnded) throw new Error(`The server has exited:\n${server.log}`, { cause: error });
        if (performance.now() > giveUpAt) throw error;
        await sleep(20);
      }
    }
  }

  /** Shuts it down in its orderly way: transactions are aborted, commits are flushed. */
  stop(): Promise<void> {
    return this.end((server) => server.end(this.shutdownSignal));
  }

  /** Ends all of its processes with SIGKILL. */
  kill(): Promise<void> {
    return this.end((server) => server.kill());
  }

  /** Stops all of its processes with SIGSTOP: connections stay open, and nothing is answered. */
  freeze(): void {
    this.#process?.freeze();
  }

  thaw(): void {
    this.#process?.thaw();
  }

  /** Ends it and deletes its data. */
  async remove(): Promise<void> {
    this.thaw();
    if (this.#process && !this.#process.hasEnded) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    process.off('exit', this.#removeNow);
  }

  /** Runs when this process exits, where nothing can be awaited. */
  readonly #removeNow = (): void => {
    this.#process?.killNow();
    rmSync(this.folder, { recursive: true, force: true });
  };

  /** Returns the names of its files, as they are on the disk, that have a text. */
  filesWith(text: string): string[] {
    const files = readdirSync(this.data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map(({ parentPath, name }) => join(parentPath, name));
    return paths.filter((path) => contains(path, text)).map((path) => relative(this.data, path));
  }

  /** Runs a statement as the administrator. */
  async query<Row>(statement: string): Promise<Row[]> {
    this.#connection ??= await new DataSource({ type: this.kind, url: this.administratorUrl }).initialize();
    return this.#connection.query<Row[]>(statement);
  }

  /** Starts it for the first time, and prepares it for applications. */
  protected async initialize(...statements: string[]): Promise<void> {
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

function contains(path: string, text: string): boolean {
  try {
    return readFileSync(path).includes(text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false; // the server has removed it meanwhile
    throw error;
  }
}

/** Creates the folder of a server's data. */
export function temporaryFolder({ uid, gid }: Account): string {
  const folder = mkdtempSync(join(tmpdir(), 'cr3d-server-'));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}
