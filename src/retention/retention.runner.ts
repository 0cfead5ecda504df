import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { formatDatabaseError } from '../database/database.errors.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { TaskRepository, type TaskLease } from '../inbox/task.repository.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { BatchSize } from './batch.size.js';
import { cursorOf, type Place } from './removal.place.js';
import { RETENTION_SETTINGS, type RetentionSettings } from './retention.options.js';
import { RetentionRepository, type Removal } from './retention.repository.js';

const LEASE_MS = 60_000;
const MIN_PAUSE_MS = 20;

/** True if this instance removes by itself, and goes on with erasures. By hand, every instance does. */
export const RETENTION_ENABLED = Symbol('cr3dentials-webhook retention enabled');

/**
 * Counts of what one run has removed.
 *
 * @publicApi
 */
export interface RetentionResult {
  /** Number of deliveries whose contents were removed. */
  readonly purged: number;
  /** Number of deliveries whose rows were removed. */
  readonly pruned: number;
  /** Number of rejections that were removed. */
  readonly rejections: number;
}

/** Progress that is kept between runs: how far each removal has come, by the time of the end of deliveries. */
export interface RetentionProgress {
  readonly cursors: Partial<Record<Removal, number>>;
  readonly lastSuccessAt: number | null;
  readonly failures: number;
}

const START: RetentionProgress = { cursors: {}, lastSuccessAt: null, failures: 0 };

interface Run {
  readonly lease: TaskLease;
  readonly size: BatchSize;
  progress: RetentionProgress;
  purged: number;
  pruned: number;
  rejections: number;
}

/**
 * Removes what is due, in small batches that wait for no lock. One instance does it at a time. Each removal goes on
 * from a cursor, so that what is removed already is not read again.
 */
@Injectable()
export class RetentionRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer?: NodeJS.Timeout;
  /** Failures in a row, of any instance as far as it is known. */
  #failures = 0;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(
    @Inject(RETENTION_SETTINGS) private readonly settings: RetentionSettings,
    @Inject(RETENTION_ENABLED) private readonly isEnabled: boolean,
    private readonly repository: RetentionRepository,
    private readonly connection: DatabaseConnection,
    private readonly tasks: TaskRepository,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {}

  onApplicationBootstrap(): void {
    const { interval, ...periods } = this.settings;
    this.instrumentation.announce('retention', periods);
    if (!this.isEnabled || Object.values(periods).every((period) => period === undefined)) return;
    // Instances that boot together look at different times.
    this.telemetry.inBackground(() => this.schedule(Math.random() * interval));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#running);
  }

  /** Removes what is due now. Stops early when the app closes. Resolves to `'busy'` while another instance removes. */
  async run(): Promise<RetentionResult | 'busy'> {
    const running = this.attempt();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      this.#failures++;
      const failure = { failures: this.#failures, error: formatDatabaseError(error) };
      this.instrumentation.announce('retention-failed', failure);
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  private async attempt(): Promise<RetentionResult | 'busy'> {
    const lease = await this.tasks.take('retention', LEASE_MS);
    if (!lease) return 'busy';
    const isSingle = this.connection.dialect.truncateWal !== undefined;
    const progress = lease.progress ? (JSON.parse(lease.progress) as RetentionProgress) : START;
    this.#failures = Math.max(this.#failures, progress.failures);
    const size = isSingle ? new BatchSize(100, 10) : new BatchSize(500, 100);
    const run: Run = { lease, progress, size, purged: 0, pruned: 0, rejections: 0 };
    try {
      const isDone = await this.removeAll(run);
      this.#failures = 0;
      if (isDone) run.progress = { ...run.progress, lastSuccessAt: this.clock.now(), failures: 0 };
    } catch (error) {
      run.progress = { ...run.progress, failures: this.#failures + 1 };
      throw error;
    } finally {
      await this.end(run);
    }
    const { purged, pruned, rejections } = run;
    return { purged, pruned, rejections };
  }

  private async end({ lease, progress, purged, pruned, rejections }: Run): Promise<void> {
    if (purged + pruned + rejections > 0) await this.repository.truncateWal().catch(() => {}); // the next run does
    await this.tasks.release(lease, JSON.stringify(progress)).catch(() => {}); // its lease ends by itself
  }

  private get isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  private schedule(delay: number): void {
    this.#timer = setTimeout(() => void this.runOnSchedule(), delay).unref();
  }

  private async runOnSchedule(): Promise<void> {
    await this.run().catch(() => {}); // announced
    if (!this.isStopping) this.schedule(this.settings.interval);
  }

  /** Resolves to whether nothing is left that is due: false when it had to stop before. */
  private async removeAll(run: Run): Promise<boolean> {
    const { payload, undecided, deliveries, rejections, tombstones } = this.settings;
    const now = this.clock.now();
    return (
      (await this.removeDeliveries(run, 'purge', payload && now - payload)) &&
      (await this.removeDeliveries(run, 'purgeUndecided', undecided && now - undecided)) &&
      (await this.removeDeliveries(run, 'prune', deliveries && now - deliveries)) &&
      (await this.removeTombstones(run, tombstones && now - tombstones)) &&
      (await this.removeRejections(run, 'accepted', rejections && now - rejections)) &&
      (await this.removeRejections(run, 'discarded', rejections && now - rejections)) &&
      (await this.removeRejections(run, 'open', undecided && now - undecided))
    );
  }

  private async removeDeliveries(run: Run, removal: Removal, cutoff: number | undefined): Promise<boolean> {
    if (cutoff === undefined) return true;
    const kept = run.progress.cursors[removal] ?? 0;
    const place: Place = { from: kept > this.clock.now() ? 0 : kept, leftFrom: Infinity }; // the clock was ahead
    for (;;) {
      if (this.isStopping) return false;
      const startedAt = performance.now();
      const end = await this.repository.windowEnd(place.from, cutoff);
      if (!(await this.removeWindow(run, removal, place, end, cutoff))) return false;
      if (end >= cutoff) return true;
      place.from = end;
      if (!(await this.saveAndPause(run, removal, cursorOf(place), performance.now() - startedAt))) return false;
    }
  }

  /** Removes what is due of a window. Resolves to false when it had to stop before. */
  private async removeWindow(run: Run, removal: Removal, place: Place, end: number, cutoff: number): Promise<boolean> {
    while (place.from < end) {
      const startedAt = performance.now();
      const due = await this.repository.removable(removal, place.from, end, run.size.rows);
      const last = due.at(-1);
      if (!last) break;
      if (this.isStopping) return false;
      const removed = await this.remove(
        run,
        removal,
        due.map(({ id }) => id),
        cutoff,
      );
      // What somebody has locked is tried again in the next run.
      const left = due.find(({ id }) => !removed.has(id)); // in the order of their end
      place.leftFrom = Math.min(place.leftFrom, left?.finishedAt ?? Infinity);
      place.from = removed.size > 0 ? last.finishedAt : last.finishedAt + 1;
      const taken = performance.now() - startedAt;
      run.size.adapt(taken);
      if (!(await this.saveAndPause(run, removal, cursorOf(place), taken))) return false;
    }
    this.advance(run, removal, cursorOf(place));
    return true;
  }

  private async remove(run: Run, removal: Removal, ids: readonly string[], cutoff: number): Promise<Set<string>> {
    const isPruning = removal === 'prune' || removal === 'pruneTombstones';
    const removed = isPruning
      ? await this.repository.prune(removal, ids, cutoff)
      : await this.repository.purge(removal, ids, cutoff, this.clock.now());
    run[isPruning ? 'pruned' : 'purged'] += removed.size;
    return removed;
  }

  private async removeTombstones(run: Run, cutoff: number | undefined): Promise<boolean> {
    if (!(await this.removeDeliveries(run, 'pruneTombstones', cutoff))) return false;
    if (cutoff !== undefined) await this.repository.deleteErasures(cutoff);
    return true;
  }

  private async removeRejections(
    run: Run,
    state: 'open' | 'accepted' | 'discarded',
    cutoff: number | undefined,
  ): Promise<boolean> {
    if (cutoff === undefined) return true;
    for (;;) {
      if (this.isStopping) return false;
      const startedAt = performance.now();
      const deleted = await this.repository.deleteRejections(state, cutoff, run.size.rows);
      run.rejections += deleted;
      if (deleted === 0) return true;
      const taken = performance.now() - startedAt;
      run.size.adapt(taken);
      if (!(await this.saveAndPause(run, undefined, 0, taken))) return false;
    }
  }

  private advance(run: Run, removal: Removal, from: number): void {
    run.progress = { ...run.progress, cursors: { ...run.progress.cursors, [removal]: from } };
  }

  /** Saves how far it is, and pauses as long as the work has taken. False if it must not go on. */
  private async saveAndPause(run: Run, removal: Removal | undefined, from: number, taken: number): Promise<boolean> {
    if (removal) this.advance(run, removal, from);
    const isOurs = await this.tasks.renew(run.lease, LEASE_MS, JSON.stringify(run.progress));
    if (!isOurs || this.isStopping) return false;
    await sleep(Math.max(MIN_PAUSE_MS, taken), undefined, { signal: this.#stop.signal }).catch(() => {}); // it stops
    return !this.isStopping;
  }
}
