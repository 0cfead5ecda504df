import { sendLoad } from '../processes.js';
import { untilQuiet } from '../requests/run.js';
import { CONNECTIONS, withOurs } from './growth.js';

const DAY_SECONDS = 24 * 3_600;

export interface MemoryPlan {
  /** After how many deliveries it is looked at, first to last. */
  readonly looks: readonly number[];
}

/** Bytes, after collecting garbage, once so many deliveries have been handled. */
export interface MemoryLook {
  readonly deliveries: number;
  readonly rss: number;
  readonly heap: number;
}

/** One process that receives without end. */
export function runMemory({ looks }: MemoryPlan, say: (what: string) => void): Promise<MemoryLook[]> {
  return withOurs(async (contender) => {
    const seen: MemoryLook[] = [];
    let acknowledged = 0;
    for (const look of looks) {
      acknowledged += await send(contender.port, look - acknowledged);
      await untilQuiet(contender, acknowledged);
      const { handled, rss, heap } = await contender.ask('report after collecting garbage');
      seen.push({ deliveries: handled, rss, heap });
      say(`${handled} deliveries: ${toMiB(rss)} MiB resident, ${toMiB(heap)} MiB heap`);
    }
    return seen;
  });
}

async function send(port: number, deliveries: number): Promise<number> {
  const plan = {
    kind: 'closed',
    port,
    connections: CONNECTIONS,
    warmUp: 0,
    duration: DAY_SECONDS,
    deliveries,
  } as const;
  return (await sendLoad(plan)).acknowledged;
}

export function toMiB(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
