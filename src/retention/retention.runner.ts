import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { formatDatabaseError } from '../database/database.errors.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { TaskRepository, type TaskLease } from '../inbox/task.repository.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { BatchSize } from './batch.size.js';
import { RETENTION_SETTINGS, type RetentionSettings } from './retention.options.js';
import { RetentionRepository, type Removal } from './retention.repository.js';

const LEASE_MS = 60_000;
const MIN_PAUSE_MS = 20;

/** Whether this instance removes by itself; by hand every instance does. */
export const RETENTION_ENABLED = Symbol('cr3dentials-webhook retention enabled');

/**
 * What one run has removed.
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

/** What is kept between runs: how far each removal has come, by the time of the end of deliveries. */
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
 * Removes what is due, in small batches that wait for no lock. One instance does it at a time. Each removal goes on from
 * a cursor, so that what is removed already is not read again.
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
  ) {}

  onApplicationBootstrap(): void {
    const { interval, ...periods } = this.settings;
    this.instrumentation.announce('retention', periods);
    if (!this.isEnabled || Object.values(periods).every((period) => period === undefined)) return;
    // Instances that boot together look at different times.
    runOutsideRequest(() => this.schedule(Math.random() * interval));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#running);
  }

  /** Removes what is due now, until the app is closed. `'busy'` while another instance does. */
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
    const isSingle = this.connection.dialect.clearLog !== undefined;
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
    if (purged + pruned + rejections > 0) await this.repository.clearLog().catch(() => {}); // the next run does
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
    const { payload, undecided, deliveries, rejections } = this.settings;
    const now = this.clock.now();
    return (
      (await this.removeDeliveries(run, 'purge', payload && now - payload)) &&
      (await this.removeDeliveries(run, 'purgeUndecided', undecided && now - undecided)) &&
      (await this.removeDeliveries(run, 'prune', deliveries && now - deliveries)) &&
      (await this.removeRejections(run, 'accepted', rejections && now - rejections)) &&
      (await this.removeRejections(run, 'discarded', rejections && now - rejections)) &&
      (await this.removeRejections(run, 'open', undecided && now - undecided))
    );
  }

  private async removeDeliveries(run: Run, removal: Removal, cutoff: number | undefined): Promise<boolean> {
    if (cutoff === undefined) return true;
    const kept = run.progress.cursors[removal] ?? 0;
    let from = kept > this.clock.now() ? 0 : kept; // the clock was ahead
    let leftFrom = Infinity;
    for (;;) {
      const startedAt = performance.now();
      const due = await this.repository.due(removal, from, cutoff, run.size.rows);
      const last = due.at(-1);
      if (!last) break;
      if (this.isStopping) return false;
      const ids = due.map(({ id }) => id);
      const removed = await this.remove(run, removal, ids, cutoff);
      // What somebody has locked is tried again in the next run.
      leftFrom = due.reduce(
        (least, { id, finishedAt }) => (removed.has(id) ? least : Math.min(least, finishedAt)),
        leftFrom,
      );
      from = removed.size > 0 ? last.finishedAt : last.finishedAt + 1;
      if (!(await this.keep(run, removal, Math.min(from, leftFrom), startedAt))) return false;
    }
    this.advance(run, removal, Math.min(from, leftFrom));
    return true;
  }

  private async remove(run: Run, removal: Removal, ids: readonly string[], cutoff: number): Promise<Set<string>> {
    const removed =
      removal === 'prune'
        ? await this.repository.prune(ids, cutoff)
        : await this.repository.purge(removal, ids, cutoff, this.clock.now());
    if (removal === 'prune') run.pruned += removed.size;
    else run.purged += removed.size;
    return removed;
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
      if (!(await this.keep(run, undefined, 0, startedAt))) return false;
    }
  }

  private advance(run: Run, removal: Removal, from: number): void {
    run.progress = { ...run.progress, cursors: { ...run.progress.cursors, [removal]: from } };
  }

  /** Saves how far it is, and pauses. False if it must not go on. */
  private async keep(run: Run, removal: Removal | undefined, from: number, startedAt: number): Promise<boolean> {
    const taken = performance.now() - startedAt;
    run.size.adapt(taken);
    if (removal) this.advance(run, removal, from);
    const isOurs = await this.tasks.renew(run.lease, LEASE_MS, JSON.stringify(run.progress));
    if (!isOurs || this.isStopping) return false;
    await sleep(Math.max(MIN_PAUSE_MS, taken), undefined, { signal: this.#stop.signal }).catch(() => {}); // it stops
    return !this.isStopping;
  }
}
