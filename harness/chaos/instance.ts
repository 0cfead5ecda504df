import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataSourceOptions } from 'typeorm';
import { freePort } from '../../test/support/network/free-port.js';
import type { HostSettings, KillPoint } from './hosts/host-settings.js';

export type HostProgram = 'ours' | 'documented' | 'broken';

export interface InstanceSettings {
  readonly program: HostProgram;
  readonly database: DataSourceOptions;
  readonly platform: HostSettings['platform'];
  readonly leaseMs: number;
  readonly ackTimeoutMs: number;
  readonly slowHandlerMs: number;
  /** Folder of the logs and the handler events. */
  readonly folder: string;
  /** Error of its clock. @default 0 */
  readonly clockOffsetMs?: number;
}

/** A handler began or ended a run. */
export interface HandlerEvent {
  readonly session: string;
  readonly handler: 'begins' | 'ends';
  readonly by: string;
}

/** Longer than a dozen hosts take to start at once on two busy processors. */
const START_TIMEOUT_MS = 120_000;
/** Longer than a shutdown that waits for handlers, and then for the database. */
const EXIT_TIMEOUT_MS = 20_000;

/** One instance of the host: always at the same address, in one process after the other. */
export class Instance {
  /** Whether the load balancer sends it anything. */
  isInRotation = true;
  #child: ChildProcess | undefined;
  #starts = 0;
  readonly #suspensions: { from: number; to: number }[] = [];

  private constructor(
    private readonly settings: InstanceSettings,
    readonly number: number,
    readonly port: number,
  ) {}

  static async at(settings: InstanceSettings, number: number): Promise<Instance> {
    return new Instance(settings, number, await freePort());
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
    const { program, folder, clockOffsetMs = 0, ...settings } = this.settings;
    const { name, port } = this;
    const hostSettings: HostSettings = { ...settings, name, port, eventsFile: this.#eventsFile };
    const log = openSync(join(folder, `${name}.log`), 'a');
    const child = fork(hostFile(program), {
      execArgv: clockOffsetMs ? [`--import=${hostFile('wrong-clock')}`] : [],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        CHAOS_HOST: JSON.stringify(hostSettings),
        CLOCK_OFFSET_MS: String(clockOffsetMs),
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
    await this.#untilExit((child) => child.send(killPoint));
  }

  /** Stops the process with SIGSTOP until `resume()`. */
  suspend(): void {
    this.isInRotation = false;
    this.#suspensions.push({ from: performance.now(), to: Number.POSITIVE_INFINITY });
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
    const last = this.#suspensions.at(-1);
    if (last) last.to = performance.now();
    this.isInRotation = true;
  }

  /** Tells whether it was suspended at any time in between: then it could not answer. */
  wasSuspended(from: number, to: number): boolean {
    return this.#suspensions.some((suspension) => suspension.from <= to && suspension.to >= from);
  }

  /** Returns the events of all its processes since `reset()`. */
  handlerEvents(): HandlerEvent[] {
    if (!existsSync(this.#eventsFile)) return [];
    const lines = readFileSync(this.#eventsFile, 'utf8').split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as HandlerEvent);
  }

  reset(): void {
    if (existsSync(this.#eventsFile)) truncateSync(this.#eventsFile); // it is open for appending
    this.#suspensions.length = 0;
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

function hostFile(name: string): string {
  return fileURLToPath(new URL(`hosts/${name}.js`, import.meta.url));
}
