import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AppProcess } from './app-process.js';
import { SECRET } from './canaries.js';
import type { TestDatabase } from '../database/databases.js';
import { until } from '../time/until.js';

/** A line that the host process has said. */
export interface Fact {
  readonly listens?: string;
  readonly session?: string;
  readonly handler?: 'begins' | 'ends';
  /** Said by the transactional handler, in its transaction. */
  readonly effect?: 'begins';
  readonly at: number;
}

/** The app of test/host as a process of its own; `npm test` builds it. */
export class HostProcess extends AppProcess {
  readonly facts: Fact[] = [];
  readonly errors: string[] = [];

  private constructor(child: ChildProcess) {
    super(child);
    if (!child.stdout || !child.stderr) throw new Error('The host process has no output.');
    createInterface(child.stdout).on('line', (line) => {
      if (line.startsWith('{')) this.facts.push(JSON.parse(line) as Fact);
      else this.errors.push(line);
    });
    createInterface(child.stderr).on('line', (line) => this.errors.push(line));
  }

  static async start(database: TestDatabase, environment: Record<string, string> = {}): Promise<HostProcess> {
    const main = fileURLToPath(new URL('../../host/dist/main.js', import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, NODE_OPTIONS: '', SECRET, DATABASE: JSON.stringify(database.options), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const host = new HostProcess(child);
    await until(`the host process listens: ${host.errors.join('\n')}`, () => {
      if (host.hasEnded) throw new Error(`The host process has ended:\n${host.errors.join('\n')}`);
      return host.url;
    });
    return host;
  }

  get written(): string {
    return [...this.facts.map((fact) => JSON.stringify(fact)), ...this.errors].join('\n');
  }

  get url(): string | undefined {
    return this.facts.find(({ listens }) => listens)?.listens;
  }
}
