import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Account } from './account.js';

const MAX_LOG_CHARS = 4_000;

/** A private server, with the processes that it has started itself. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #log = '';

  /** Starts it in a process group of its own: Ctrl-C reaches only the harness, which then ends the server. */
  constructor(
    command: string,
    args: readonly string[],
    folder: string,
    account: Account,
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.#child = spawn(command, args, {
      ...account,
      cwd: folder,
      env: { ...process.env, ...environment },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-MAX_LOG_CHARS);
      });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The last characters of its log. */
  get log(): string {
    return this.#log;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }

  /** Kills all of its processes at once, so that none can tell the others. */
  async kill(): Promise<void> {
    this.killNow();
    await this.#ended;
  }

  killNow(): void {
    const all = this.freeze(); // nothing is started between the list and the end of it
    for (const pid of all) signalTo(pid, 'SIGKILL');
  }

  freeze(): number[] {
    if (this.hasEnded) return [];
    const { pid = 0 } = this.#child;
    signalTo(pid, 'SIGSTOP');
    const all = [pid, ...childrenOf(pid)];
    for (const each of all) signalTo(each, 'SIGSTOP');
    return all;
  }

  thaw(): void {
    if (this.hasEnded) return;
    const { pid = 0 } = this.#child;
    for (const each of [...childrenOf(pid), pid]) signalTo(each, 'SIGCONT');
  }
}

function childrenOf(parent: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid, ofParent]) => (pid && ofParent === parent ? [pid] : []));
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended meanwhile
  }
}
