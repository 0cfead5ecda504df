import { outcomeOf } from '../processes.js';
import { PREFIX, emptyInbox } from './growth.js';

/** Times that deliveries waited for an idle worker elsewhere. */
export interface WakeUps {
  readonly listenNotify: boolean;
  /** Milliseconds from the answer to the handler, of each. */
  readonly waits: readonly number[];
}

/** Results with the default options, which poll, and with `database.listenNotify`. */
export async function runWakeUps(count: number, say: (what: string) => void): Promise<WakeUps[]> {
  const runs: WakeUps[] = [];
  for (const listenNotify of [false, true]) {
    const { options: database, drop } = await emptyInbox();
    try {
      const program = { file: 'growth/elsewhere.js', args: [String(count), String(listenNotify)] };
      runs.push({ listenNotify, waits: await outcomeOf<number[]>(program, { database, prefix: PREFIX }) });
    } finally {
      await drop();
    }
  }
  say(`${count} deliveries have waited for an idle worker elsewhere, twice`);
  return runs;
}
