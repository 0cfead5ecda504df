import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { waitAtMost } from '../concurrency/with-timeout.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { DeliveryStateRepository } from './delivery-state.repository.js';

/** Number of times that a locked row is tried before it is left for later. Most often a worker is just writing it. */
const TRIES = 6;
const TRY_DELAY_MS = 15;
const RETRY_DELAY_MS = 1_000;
/** Precision of the time of the last duplicate. */
const PRECISION_MS = 1_000;
const STOP_TIMEOUT_MS = 2_000;
/** Time after which a count is given up. */
const MAX_AGE_MS = 3_600_000;
/** Most deliveries whose duplicates are remembered. The count of any more is given up: it is only a statistic. */
const MAX_DELIVERIES = 10_000;

/** Duplicates of one delivery that are not counted yet. */
export interface Duplicates {
  readonly count: number;
  readonly lastAt: number;
}

/** Counts duplicates. Those of deliveries whose rows are locked are counted as soon as they are not. */
@Injectable()
export class DuplicateCounter {
  readonly #uncounted = new Map<string, Duplicates>();
  #timer?: NodeJS.Timeout;
  #hasStopped = false;

  constructor(
    private readonly repository: DeliveryStateRepository,
    private readonly clock: Clock,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /** Counts what can be counted now, and tries the rest again later. Never rejects. */
  async count(duplicates: ReadonlyMap<string, Duplicates>): Promise<void> {
    const rest = new Map(duplicates);
    for (let tries = 1; tries <= TRIES; tries++) {
      const isAvailable = await this.countUnlocked(rest);
      if (rest.size === 0) return;
      if (!isAvailable) break; // the senders are not kept waiting for a statistic
      await sleep(TRY_DELAY_MS);
    }
    for (const [id, uncounted] of rest) this.remember(id, uncounted);
  }

  /** Counts what is remembered, as far as it can be counted now. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rest = new Map(this.#uncounted);
    this.#uncounted.clear();
    await this.countUnlocked(rest);
    for (const [id, uncounted] of rest) this.remember(id, uncounted);
  }

  /** Removes those that are counted. Stops at the first error, and resolves to false then. */
  private async countUnlocked(rest: Map<string, Duplicates>): Promise<boolean> {
    try {
      for (const [duplicates, ids] of groupByCount(rest))
        for (const id of await this.repository.countDuplicates(ids, duplicates)) rest.delete(id);
      return true;
    } catch {
      return false;
    }
  }

  private remember(id: string, { count, lastAt }: Duplicates): void {
    if (this.#hasStopped || this.clock.now() - lastAt > MAX_AGE_MS) return;
    const before = this.#uncounted.get(id);
    if (!before && this.#uncounted.size >= MAX_DELIVERIES) return;
    this.#uncounted.set(id, { count: count + (before?.count ?? 0), lastAt });
    this.#timer ??= this.telemetry.inBackground(() => setTimeout(() => void this.flush(), RETRY_DELAY_MS).unref());
  }

  /** Counts what can be counted within two seconds, and gives up the rest. */
  async stop(): Promise<void> {
    this.#hasStopped = true;
    clearTimeout(this.#timer);
    await waitAtMost(this.flush(), STOP_TIMEOUT_MS);
  }
}

/** Returns the deliveries that have had as many duplicates, the last of them in the same second. */
function groupByCount(uncounted: ReadonlyMap<string, Duplicates>): [Duplicates, string[]][] {
  const groups = new Map<string, [Duplicates, string[]]>();
  for (const [id, { count, lastAt }] of uncounted) {
    const key = `${count} ${Math.floor(lastAt / PRECISION_MS)}`;
    const group = groups.get(key);
    if (group) group[1].push(id);
    else groups.set(key, [{ count, lastAt }, [id]]);
  }
  return [...groups.values()];
}
