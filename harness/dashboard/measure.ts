import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.js';
import type { Instance } from './instance.js';
import type { Measured } from './routes.js';

/** Answers that all viewers share are kept no longer than that. */
const SHARED_MS = 2_000;

/** What the calls of one route took, in milliseconds. */
export interface RouteFigures {
  readonly name: string;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** Longest stop of the event loop during any of the calls. */
  readonly stop: number;
}

/** Calls every route once to warm it, and then once in each round. */
export async function measure(
  instance: Instance,
  routes: readonly Measured[],
  rounds: number,
): Promise<RouteFigures[]> {
  const client = new Client(instance.url);
  const times = routes.map(() => [] as number[]);
  const stops = routes.map(() => 0);
  for (let round = 0; round <= rounds; round++) {
    const begun = performance.now();
    for (const [index, { ask }] of routes.entries()) {
      await instance.used();
      const from = performance.now();
      await client.ask(ask(round));
      const took = performance.now() - from;
      const { stopMs } = await instance.used();
      if (round === 0) continue;
      times[index]?.push(took);
      stops[index] = Math.max(stops[index] ?? 0, stopMs);
    }
    await sleep(Math.max(0, SHARED_MS - (performance.now() - begun)));
  }
  client.close();
  return routes.map(({ name }, index) => figuresOf(name, times[index] ?? [], stops[index] ?? 0));
}

function figuresOf(name: string, times: readonly number[], stop: number): RouteFigures {
  const sorted = times.toSorted((a, b) => a - b);
  return { name, p50: shareOf(sorted, 0.5), p95: shareOf(sorted, 0.95), max: shareOf(sorted, 1), stop };
}

/** Returns the smallest value that such a share of sorted values does not exceed. */
export function shareOf(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
