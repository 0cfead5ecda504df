import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { lookForCanaries } from '../support/app/canaries.js';
import type { Summary } from '../../src/cli/summary.counter.js';

const manifest = createRequire(import.meta.url)('../../package.json') as { bin: string };
/** What a host runs; `npm test` builds it. */
const command = fileURLToPath(new URL(`../../${manifest.bin}`, import.meta.url));

export interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Surroundings {
  readonly environment?: Record<string, string>;
  readonly input?: string;
  /** Told how to interrupt it, as Ctrl-C does. */
  readonly onStart?: (interrupt: () => void) => void;
  /** True if nobody reads what it prints, as after `| true`. */
  readonly isUnread?: boolean;
}

/** Runs the command to its end, as a process of its own. */
export function run(
  args: readonly string[],
  { environment = {}, input = '', onStart, isUnread = false }: Surroundings = {},
): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], {
      env: { ...process.env, NODE_OPTIONS: '', ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      lookForCanaries('what the command has printed', out + err);
      resolve({ code, out, err });
    });
    if (isUnread) child.stdout.destroy();
    child.stdin.end(input);
    onStart?.(() => child.kill('SIGINT'));
  });
}

/** What `--json` printed: one line. */
export function summaryOf({ out }: Run): Summary & { duplicates?: number; conflicts?: number; seed?: string } {
  return JSON.parse(out) as Summary;
}
