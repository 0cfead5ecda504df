import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataSourceOptions } from 'typeorm';
import { freePort } from '../../test/support/network/free-port.js';
import type { HandlerSet, HostAnswer, HostCommand, HostSettings, KillPoint } from './hosts/host-settings.js';
import type { NetworkNamespace } from './servers/network-namespace.js';

export type HostProgram = 'ours' | 'documented' | 'broken' | 'forgetful' | 'leaky';

export interface InstanceSettings {
  readonly program: HostProgram;
  readonly database: DataSourceOptions;
  readonly platform: HostSettings['platform'];
  readonly leaseMs: number;
  readonly ackTimeoutMs: number;
  readonly slowHandlerMs: number;
  readonly handlers: HandlerSet;
  /** Folder of the logs and the handler events. */
  readonly folder: string;
  /** Error of its clock, which can then be set. @default a clock that is right */
  readonly clockOffsetMs?: number;
  /** The machine that it runs on. @default this one */
  readonly namespace?: NetworkNamespace;
}

/** A handler began or ended a run. */
export interface HandlerEvent {
  readonly session: string;
  readonly handler: 'begins' | 'ends';
  readonly by: string;
}

/** The module announced this of a delivery. */
export interface Announcement {
  readonly announced: 'accepted' | 'completed';
  readonly delivery: string;
}

/** Longer than a dozen hosts take to start at once on two busy processors. */
const START_TIMEOUT_MS = 120_000;
/** Longer than a shutdown that waits for handlers, and then for the database. */
const EXIT_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 10_000;

/** One instance of the host: always at the same address, in one process after the other. */
export class Instance {
  /** True if the load balancer sends it anything. */
  isInRotation = true;
  #child: ChildProcess | undefined;
  #starts = 0;
  #handlers: HandlerSet;
  readonly #suspensions: { from: number; to: number }[] = [];

  private constructor(
    private readonly settings: InstanceSettings,
    readonly number: number,
    readonly port: number,
  ) {
    this.#handlers = settings.handlers;
  }

  static async at(settings: InstanceSettings, number: number): Promise<Instance> {
    return new Instance(settings, number, await freePort());
  }

  /** Address at which it is reached. */
  get host(): string {
    return this.settings.namespace?.address ?? '127.0.0.1';
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Name of the process that runs now. */
  get name(): string {
    return `${this.settings.program}-${this.number}-${this.#starts}`;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    this.#starts++;
    const { program, folder, clockOffsetMs, namespace, ...settings } = this.settings;
    const { name, port } = this;
    const address = namespace ? '0.0.0.0' : '127.0.0.1';
    const own = { name, address, port, handlers: this.#handlers, eventsFile: this.#eventsFile };
    const hostSettings: HostSettings = { ...settings, ...own };
    const log = openSync(join(folder, `${name}.log`), 'a');
    const child = fork(hostFile(program), {
      ...launcherIn(namespace),
      env: {
        ...process.env,
        NODE_OPTIONS: clockOffsetMs === undefined ? '' : `--import=${hostFile('wrong-clock')}`,
        CHAOS_HOST: JSON.stringify(hostSettings),
        CLOCK_OFFSET_MS: String(clockOffsetMs ?? 0),
      },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#child = child;
    const ended = once(child, 'exit').then(() => {
      const how = `${name} ended (${child.exitCode ?? child.signalCode}) before it listened`;
      throw new Error(`${how}:\n${readFileSync(join(folder, `${name}.log`), 'utf8')}`);
    });
    const late = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
    await Promise.race([once(child, 'message'), ended]).finally(() => clearTimeout(late));
    ended.catch(() => {}); // after that, it may end
  }

  /**
   * Resolves when the process has exited.
   *
   * @throws Error when it does not exit
   */
  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#untilExit((child) => child.kill(signal));
  }

  /** Makes the process kill itself at that point; resolves when it has. */
  async killAt(killPoint: KillPoint): Promise<void> {
    await this.#untilExit((child) => child.send({ killAt: killPoint } satisfies HostCommand));
  }

  /** Replaces the process by one with these handlers, unless it has them. */
  async deploy(handlers: HandlerSet): Promise<void> {
    if (this.#handlers === handlers) return;
    await this.stop('SIGTERM');
    this.#handlers = handlers;
    await this.start();
  }

  /** Stops the process with SIGSTOP until `resume()`. */
  suspend(): void {
    this.#leaveRotation();
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
    this.#enterRotation();
  }

  /** Cuts its machine off, until `reconnect()`: packets are dropped in both directions, and nobody is told. */
  isolate(): void {
    this.#leaveRotation();
    this.#namespace.disconnect();
  }

  reconnect(): void {
    this.#namespace.connect();
    this.#enterRotation();
  }

  /** Replaces the machine, which has vanished, by one with another address, and starts the host there. */
  async replaceMachine(): Promise<void> {
    this.#namespace.replace();
    await this.start();
    this.#enterRotation();
  }

  /** Sets the error of its clock. */
  setClock(offsetMs: number): Promise<void> {
    return this.#ask({ clockOffsetMs: offsetMs }, 'the clock is set');
  }

  /**
   * Lets host code hold every connection of the host's pool; resolves when it does.
   *
   * @throws Error when a connection is left
   */
  fillPool(forMs: number): Promise<void> {
    return this.#ask({ holdPoolMs: forMs }, 'the pool is full');
  }

  /** Tells whether it was suspended at any time in between: then it could not answer. */
  wasSuspended(from: number, to: number): boolean {
    return this.#suspensions.some((suspension) => suspension.from <= to && suspension.to >= from);
  }

  /** Returns the events of the handlers in all its processes since `reset()`. */
  handlerEvents(): HandlerEvent[] {
    return this.#events().filter((event) => 'handler' in event);
  }

  /** Returns what the module has announced in all its processes since `reset()`. */
  announcements(): Announcement[] {
    return this.#events().filter((event) => 'announced' in event);
  }

  #events(): (HandlerEvent | Announcement)[] {
    if (!existsSync(this.#eventsFile)) return [];
    const lines = readFileSync(this.#eventsFile, 'utf8').split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as HandlerEvent | Announcement);
  }

  reset(): void {
    if (existsSync(this.#eventsFile)) truncateSync(this.#eventsFile); // it is open for appending
    this.#suspensions.length = 0;
  }

  #leaveRotation(): void {
    this.isInRotation = false;
    this.#suspensions.push({ from: performance.now(), to: Number.POSITIVE_INFINITY });
  }

  #enterRotation(): void {
    const last = this.#suspensions.at(-1);
    if (last) last.to = performance.now();
    this.isInRotation = true;
  }

  /** @throws Error when the host answers something else, or nothing */
  async #ask(command: HostCommand, expected: HostAnswer): Promise<void> {
    const child = this.#running;
    const answered = once(child, 'message', { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    child.send(command);
    const [answer] = (await answered) as [HostAnswer];
    if (answer !== expected) throw new Error(`${this.name} has answered that ${answer}.`);
  }

  get #running(): ChildProcess {
    if (!this.#child) throw new Error(`${this.name} does not run.`);
    return this.#child;
  }

  get #namespace(): NetworkNamespace {
    const { namespace } = this.settings;
    if (!namespace) throw new Error('This fault needs instances on machines of their own.');
    return namespace;
  }

  async #untilExit(end: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child;
    if (!this.isRunning || !child) return;
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(EXIT_TIMEOUT_MS) }).catch((cause: unknown) => {
      throw new Error(`${this.name} did not exit.`, { cause });
    });
    end(child);
    await exited;
  }

  get #eventsFile(): string {
    return join(this.settings.folder, `handler-events-${this.number}.jsonl`);
  }
}

/** Returns how Node is started there; `ip` gives its place to Node, so signals and messages arrive. */
function launcherIn(namespace: NetworkNamespace | undefined): { execPath?: string; execArgv: string[] } {
  if (!namespace) return { execArgv: [] };
  const [execPath, ...args] = namespace.command(process.execPath);
  return { execPath, execArgv: args };
}

function hostFile(name: string): string {
  return fileURLToPath(new URL(`hosts/${name}.js`, import.meta.url));
}
