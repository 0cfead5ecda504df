import type { Cr3dentialsWebhookOptions, ErasureSubject } from 'nestjs-cr3dentials-webhook';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { lookForCanaries } from './canaries.js';
import type { TestDatabase } from '../database/databases.js';

/** What a process of test/host does, which `npm test` builds. */
export interface Operation {
  readonly name: 'reseal' | 'erase' | 'purge' | 'bulk';
  readonly options?: Partial<Cr3dentialsWebhookOptions>;
  readonly subject?: ErasureSubject;
}

/** Does it in a process of its own, to its end. Resolves to the number of moments at which it could have been killed. */
export async function countMoments(database: TestDatabase, operation: Operation): Promise<number> {
  const { output } = await start(database, operation, 0);
  const { moments } = JSON.parse(output) as { moments: number };
  return moments;
}

/** Does it in a process of its own, which ends itself with SIGKILL at a moment, or comes to its end before it. */
export async function killAt(
  moment: number,
  database: TestDatabase,
  operation: Operation,
): Promise<'killed' | 'ended'> {
  const { signal } = await start(database, operation, moment);
  return signal === 'SIGKILL' ? 'killed' : 'ended';
}

/** How often each operation is killed: `KILL_MOMENTS`, or a few times, at other moments each time. */
const kills = Number(process.env.KILL_MOMENTS ?? 3);

/** Returns moments to be killed at, spread over all of them. */
export function momentsOf(total: number): number[] {
  const share = total / kills;
  const moments = Array.from({ length: kills }, (_, n) => Math.ceil((n + Math.random()) * share));
  return [...new Set(moments.map((moment) => Math.max(1, moment)))];
}

function start(
  { options: database }: TestDatabase,
  { name, options = {}, subject }: Operation,
  moment: number,
): Promise<{ output: string; signal: string | null }> {
  const main = fileURLToPath(new URL('../../host/dist/operation.js', import.meta.url));
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    DATABASE: JSON.stringify(database),
    OPTIONS: JSON.stringify(options),
    OPERATION: name,
    SUBJECT: JSON.stringify(subject ?? null),
    MOMENT: String(moment),
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [main], { env }, (error, output, errors) => {
      lookForCanaries('what a process has written', output + errors);
      if (error && error.signal !== 'SIGKILL')
        reject(new Error(`The process has failed:\n${errors}`, { cause: error }));
      else resolve({ output, signal: error?.signal ?? null });
    });
  });
}
