import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestDatabase } from './databases.js';
import { until } from './until.js';
import { SECRET } from './webhook-app.js';

/** A line that the host process has said. */
export interface Fact {
  readonly listens?: string;
  readonly session?: string;
  readonly handler?: 'begins' | 'ends';
  readonly at: number;
}

/** The app of test/host as a process of its own; `npm test` builds it. */
export class HostProcess {
  readonly facts: Fact[] = [];
  readonly errors: string[] = [];

  private constructor(private readonly child: ChildProcess) {
    if (!child.stdout || !child.stderr) throw new Error('The host process has no output.');
    createInterface(child.stdout).on('line', (line) => {
      if (line.startsWith('{')) this.facts.push(JSON.parse(line) as Fact);
      else this.errors.push(line);
    });
    createInterface(child.stderr).on('line', (line) => this.errors.push(line));
  }

  static async start(database: TestDatabase, environment: Record<string, string> = {}): Promise<HostProcess> {
    const main = fileURLToPath(new URL('../host/dist/main.js', import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE: JSON.stringify(database.options), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const host = new HostProcess(child);
    await until(`the host process listens: ${host.errors.join('\n')}`, () => {
      if (host.hasEnded) throw new Error(`The host process has ended:\n${host.errors.join('\n')}`);
      return host.url;
    });
    return host;
  }

  get url(): string | undefined {
    return this.facts.find(({ listens }) => listens)?.listens;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** The status of the answer; nothing when there was none. */
  async post(body: unknown): Promise<number | undefined> {
    try {
      const answer = await fetch(`${this.url}/webhook/cr3dentials`, {
        method: 'POST',
        headers: { 'x-api-key': SECRET, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return undefined;
    }
  }

  /** Answers its exit code, or the signal that ended it. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | string | null> {
    if (!this.hasEnded) {
      const exit = once(this.child, 'close'); // by then, all that it said has been read
      this.child.kill(signal);
      await exit;
    }
    return this.child.exitCode ?? this.child.signalCode;
  }
}
