import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseConnection } from '../database/database.connection.js';
import { formatDatabaseError } from '../database/database.errors.js';
import type { BulkRow } from '../inbox/bulk.entity.js';
import { BulkChunkRepository, lockedIdsOf, type BulkChunk } from '../inbox/bulk-chunk.repository.js';
import { BulkRepository } from '../inbox/bulk.repository.js';
import { SelectionQueries, type SelectionWalk } from '../inbox/selection.queries.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing/processing.options.js';
import { WorkerIdentity } from '../processing/worker.identity.js';
import { selectionIn } from './bulk.record.js';

/** Time between two looks for an operation that nobody carries out. */
const POLL_INTERVAL_MS = 2_000;
/** Time in which a chunk is due at the rate, if it is small enough. */
const CHUNK_MS = 500;
const MAX_CHUNK_ROWS = 250;
/** SQLite stops the event loop. */
const MAX_CHUNK_ROWS_OF_FILE = 50;
/** Deliveries that wait for a lock of somebody else, before no more are taken: the column holds 64 kB. */
const MAX_LOCKED = 1_000;
/** Runs that a chunk restarts: a statement takes only so many values. */
const MAX_CHUNK_RUNS = 4_000;
/** Replayed deliveries from which on it is looked at how many are dead again. */
const MIN_JUDGED = 20;
/** Replayed deliveries until which it goes slowly, so that few have died in vain when it is looked at. */
const SLOW_UNTIL = 60;

/** Carries out bulk operations on an instance that processes deliveries, one at a time. */
@Injectable()
export class BulkRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer?: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();
  private readonly maxRows: number;

  constructor(
    private readonly repository: BulkRepository,
    private readonly chunks: BulkChunkRepository,
    private readonly selections: SelectionQueries,
    private readonly identity: WorkerIdentity,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
    connection: DatabaseConnection,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    this.maxRows = connection.dialect.isServer ? MAX_CHUNK_ROWS : MAX_CHUNK_ROWS_OF_FILE;
  }

  onApplicationBootstrap(): void {
    if (this.settings.enabled) this.telemetry.inBackground(() => this.lookIn(POLL_INTERVAL_MS));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Looks for work now: an operation was started on this instance. */
  wake(): void {
    if (this.settings.enabled && !this.#running) this.telemetry.inBackground(() => this.lookIn(0));
  }

  private lookIn(delay: number): void {
    if (this.isStopping) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.look(), delay).unref();
  }

  private look(): void {
    this.#running ??= this.carryOutAll().finally(() => {
      this.#running = undefined;
      this.lookIn(POLL_INTERVAL_MS);
    });
  }

  private get isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Never rejects. What failed is tried again, by whoever takes the operation next. */
  private async carryOutAll(): Promise<void> {
    try {
      for (;;) {
        const bulk = this.isStopping ? undefined : await this.repository.claim(this.identity.id, this.leaseOf(0.5));
        if (!bulk) return;
        await this.carryOut(bulk);
      }
    } catch (error) {
      this.instrumentation.announce('bulk-failed', { error: formatDatabaseError(error) });
    }
  }

  private async carryOut(claimed: BulkRow): Promise<void> {
    const { id } = claimed;
    const walk: SelectionWalk = {};
    let bulk: BulkRow | null = claimed;
    while (bulk && (await this.nextChunk(bulk, walk))) {
      const interval = this.intervalOf(bulk);
      await sleep(interval, undefined, { signal: this.#stop.signal }).catch(() => {}); // it stops
      bulk = this.isStopping ? null : await this.repository.find(id);
    }
    await this.repository.release(id, this.identity.id);
  }

  /** Resolves to false when the operation is over, paused, or another's. */
  private async nextChunk(bulk: BulkRow, walk: SelectionWalk): Promise<boolean> {
    const { state, instance } = bulk;
    if (state !== 'running' || instance !== this.identity.id) return false;
    if (await this.isPausedAsDeadAgain(bulk)) return false;
    const chunk = await this.chunkOf(bulk, walk);
    return this.chunks.carryOut(bulk, selectionIn(bulk).state, chunk, this.leaseOf(bulk.rate));
  }

  private async chunkOf(bulk: BulkRow, walk: SelectionWalk): Promise<BulkChunk> {
    const { asOf, cursorId } = bulk;
    const limit = this.rowsOf(bulk);
    if (lockedIdsOf(bulk).length >= MAX_LOCKED) return { ids: [], cursor: cursorId, isEnd: false, limit };
    const { records, cursor, isEnd } = await this.selections.after(selectionIn(bulk), cursorId, { asOf, limit, walk });
    return { ids: records.map(({ id }) => id), cursor, isEnd, limit };
  }

  private async isPausedAsDeadAgain(bulk: BulkRow): Promise<boolean> {
    const { id, done, judgedFrom, pauseAt } = bulk;
    if (done === 0 || bulk.action !== 'replay') return false;
    const { all, judged } = await this.repository.countDeadAgain(bulk);
    if (all !== bulk.deadAgain) await this.repository.saveDeadAgain(id, all);
    const replayed = done - judgedFrom;
    if (replayed < MIN_JUDGED || judged <= replayed * pauseAt) return false;
    const pause = { from: ['running'], to: 'paused', pausedBy: 'dead-again' } as const;
    if (await this.repository.change(id, pause))
      this.instrumentation.announce('bulk-paused', { bulkId: id, replayed, deadAgain: judged });
    return true;
  }

  private rowsOf(bulk: BulkRow): number {
    const most = isSlow(bulk) ? MIN_JUDGED : this.maxRows;
    const runs = bulk.handlers === null ? 1 : (JSON.parse(bulk.handlers) as string[]).length;
    return Math.max(1, Math.floor(Math.min(most, MAX_CHUNK_RUNS / runs, (bulk.rate * CHUNK_MS) / 1_000)));
  }

  private intervalOf(bulk: BulkRow): number {
    return Math.max((1_000 * this.rowsOf(bulk)) / bulk.rate, isSlow(bulk) ? CHUNK_MS : 0);
  }

  /** Longer than what a chunk of this rate takes. */
  private leaseOf(rate: number): number {
    return Math.max(this.settings.lease, 5_000 / rate);
  }
}

function isSlow({ action, done, judgedFrom, pauseAt }: BulkRow): boolean {
  return action === 'replay' && pauseAt < 1 && done - judgedFrom < SLOW_UNTIL;
}
