import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Choices } from '../arguments.js';
import type { BacklogRun } from '../backlog/rounds.js';
import type { DatabaseKind } from '../database.js';
import type { Growth } from '../growth/report.js';
import type { Costs } from '../observing/costs.js';
import type { Machine } from '../machine.js';
import type { RoundRun } from '../requests/rounds.js';
import type { Run } from '../requests/run.js';

/** Everything that was measured, as it was measured. */
export interface Results {
  readonly machine: Machine;
  readonly choices: Choices;
  readonly requests?: readonly RoundRun[];
  /** Of the contender that loses deliveries. */
  readonly control?: Run;
  readonly backlog?: readonly BacklogRun[];
  readonly growth?: Growth;
  readonly observing?: Costs;
}

export async function write(folder: string, name: string, content: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), content);
}

/** What earlier runs of the benchmark have written, each into a folder of its own. */
export function readResults(folders: readonly string[], kind: DatabaseKind): Promise<Results[]> {
  return Promise.all(
    folders.map(async (folder) => JSON.parse(await readFile(join(folder, `${kind}.json`), 'utf8')) as Results),
  );
}
