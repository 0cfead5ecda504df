import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Account } from './account.js';

const LAST_WORDS = 4_000;

/** A server of our own, with the processes it has started itself. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';

  /** A group of its own: a Ctrl-C is for this process, which then ends the server in its own way. */
  constructor(command: string, args: readonly string[], folder: string, account: Account) {
    this.#child = spawn(command, args, {
      ...account,
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-LAST_WORDS);
      });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The end of its log. */
  get said(): string {
    return this.#said;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }

  /** All at once, as when the machine's memory runs out: none of them can tell the others. */
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
