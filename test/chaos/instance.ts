import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataSourceOptions } from 'typeorm';
import { freePort } from '../support/network/free-port.js';
import type { HostSetting, Place } from './hosts/setting.js';

export type HostProgram = 'ours' | 'documented' | 'careless';

export interface InstanceSetting {
  readonly program: HostProgram;
  readonly database: DataSourceOptions;
  readonly platform: HostSetting['platform'];
  readonly lease: number;
  readonly ackTimeout: number;
  readonly handlersTake: number;
  /** For what its processes say. */
  readonly folder: string;
  /** Milliseconds that its clock is off. */
  readonly clockIsOff?: number;
}

export interface SaidFact {
  readonly session: string;
  readonly handler: 'begins' | 'ends';
  readonly by: string;
}

/** Longer than a dozen of them take at once on two busy processors. */
const BOOT = 120_000;
/** Longer than a shutdown may take that waits for handlers, and then for the database. */
const GOING = 20_000;

/** One instance of the host: always at the same address, in one process after another. */
export class Instance {
  /** Whether a load balancer sends it anything. */
  isInRotation = true;
  #child: ChildProcess | undefined;
  #starts = 0;
  readonly #suspensions: { from: number; to: number }[] = [];

  private constructor(
    private readonly setting: InstanceSetting,
    readonly number: number,
    readonly port: number,
  ) {}

  static async at(setting: InstanceSetting, number: number): Promise<Instance> {
    return new Instance(setting, number, await freePort());
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Of the process that runs now. */
  get name(): string {
    return `${this.setting.program}-${this.number}-${this.#starts}`;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    this.#starts++;
    const { program, folder, clockIsOff, ...setting } = this.setting;
    const { name, port } = this;
    const told: HostSetting = { ...setting, name, port, facts: this.#factsFile };
    const log = openSync(join(folder, `${name}.log`), 'a');
    const child = fork(hostFile(program), {
      execArgv: clockIsOff ? [`--import=${hostFile('wrong-clock')}`] : [],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        CHAOS_HOST: JSON.stringify(told),
        CLOCK_IS_OFF: String(clockIsOff ?? 0),
      },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#child = child;
    const ended = once(child, 'exit').then(() => {
      const how = `${name} ended (${child.exitCode ?? child.signalCode}) before it listened`;
      throw new Error(`${how}:\n${readFileSync(join(folder, `${name}.log`), 'utf8')}`);
    });
    const late = setTimeout(() => child.kill('SIGKILL'), BOOT);
    await Promise.race([once(child, 'message'), ended]).finally(() => clearTimeout(late));
    ended.catch(() => {}); // later, it may
  }

  /**
   * Resolves when the process is gone.
   *
   * @throws Error when it would not go
   */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#untilGone((child) => child.kill(signal));
  }

  /** Tells it to kill itself at that place; resolves when it has. */
  async dieAt(place: Place): Promise<void> {
    await this.#untilGone((child) => child.send(place));
  }

  /** Stands still until `resume()`. */
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

  /** Whether it stood still at any time in between: then it could not answer. */
  stoodStill(from: number, to: number): boolean {
    return this.#suspensions.some((suspension) => suspension.from <= to && suspension.to >= from);
  }

  /** Of all its processes, since `forget()`. */
  facts(): SaidFact[] {
    if (!existsSync(this.#factsFile)) return [];
    const lines = readFileSync(this.#factsFile, 'utf8').split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as SaidFact);
  }

  forget(): void {
    if (existsSync(this.#factsFile)) truncateSync(this.#factsFile); // it is open for appending
    this.#suspensions.length = 0;
  }

  async #untilGone(bringAbout: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child;
    if (!this.isRunning || !child) return;
    const gone = once(child, 'exit', { signal: AbortSignal.timeout(GOING) }).catch((cause: unknown) => {
      throw new Error(`${this.name} did not end.`, { cause });
    });
    bringAbout(child);
    await gone;
  }

  get #factsFile(): string {
    return join(this.setting.folder, `facts-${this.number}.jsonl`);
  }
}

function hostFile(name: string): string {
  return fileURLToPath(new URL(`hosts/${name}.js`, import.meta.url));
}
