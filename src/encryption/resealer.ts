import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { TaskRepository, type TaskLease } from '../inbox/task.repository.js';
import {
  ResealRepository,
  type ContentRow,
  type DeliveryContents,
  type RejectionContents,
  type RunError,
} from './reseal.repository.js';
import { ResealedColumns } from './resealed.columns.js';

const LEASE_MS = 60_000;
const MAX_ROWS = 200;
/** Rows whose keys are looked at in one statement. */
const WINDOW_ROWS = 1_000;
const MAX_BATCH_BYTES = 1024 * 1024;
const MIN_PAUSE_MS = 20;

/**
 * Progress of `reseal()`.
 *
 * @publicApi
 */
export interface ResealProgress {
  /** Number of rows that were sealed anew, or written in plain text. */
  readonly done: number;
  /** Number of rows that were not under the current key when the call began. */
  readonly total: number;
  /** Number of rows that did not open. They are left as they are. */
  readonly unreadable: number;
  /** Rows in a second, pauses included. */
  readonly perSecond: number;
}

/**
 * Options of `reseal()`.
 *
 * @publicApi
 */
export interface ResealOptions {
  /** Ends the call after the batch at hand. */
  signal?: AbortSignal;
  /** Called after each batch. */
  onProgress?: (progress: ResealProgress) => void;
}

/** Tables in their order, each with a cursor. */
const TABLES = ['delivery', 'rejection', 'handlerRun', 'attempt'] as const;
type Table = (typeof TABLES)[number];

interface Cursor {
  readonly table: Table;
  readonly id: string;
  readonly handler: string;
}

const START: Cursor = { table: 'delivery', id: '', handler: '' };

interface Run {
  readonly lease: TaskLease;
  readonly options: ResealOptions;
  total: number;
  /** Position from which another instance may go on; undefined at the end. */
  cursor: Cursor | undefined;
  readonly startedAt: number;
  done: number;
  unreadable: number;
}

/**
 * Seals all contents with the current key, in small batches, one instance at a time. It goes on where it was stopped.
 */
@Injectable()
export class Resealer implements BeforeApplicationShutdown {
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly repository: ResealRepository,
    private readonly columns: ResealedColumns,
    private readonly codec: PayloadCodec,
    private readonly tasks: TaskRepository,
  ) {}

  /** Stops resealing, because the connection is closed next. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** @param total counts the rows that are not under the current key */
  reseal(options: ResealOptions, total: () => Promise<number>): Promise<'done' | 'busy' | 'stopped'> {
    const running = this.run(options, total);
    this.#running = Promise.allSettled([this.#running, running]);
    return running;
  }

  private async run(options: ResealOptions, total: () => Promise<number>): Promise<'done' | 'busy' | 'stopped'> {
    const lease = await this.tasks.take('reseal', LEASE_MS);
    if (!lease) return 'busy';
    const cursor = lease.progress ? (JSON.parse(lease.progress) as Cursor) : START;
    const run: Run = { lease, options, total: 0, cursor, startedAt: performance.now(), done: 0, unreadable: 0 };
    try {
      run.total = await total();
      await this.pass(run);
      // What is before the cursor may have been sealed with a key that was the current one then.
      if (!run.cursor && lease.progress) await this.pass(Object.assign(run, { cursor: START }));
    } finally {
      const progress = run.cursor ? JSON.stringify(run.cursor) : null;
      await this.tasks.release(lease, progress).catch(() => {}); // its lease ends by itself
    }
    return run.cursor ? 'stopped' : 'done';
  }

  /** Goes through all tables, until it is stopped. */
  private async pass(run: Run): Promise<void> {
    while (run.cursor) {
      if (this.#isStopping || run.options.signal?.aborted) return;
      const startedAt = performance.now();
      const next = await this.batch(run, run.cursor);
      if (next && !(await this.tasks.renew(run.lease, LEASE_MS, JSON.stringify(next)))) return;
      run.cursor = next;
      this.report(run);
      await sleep(Math.max(MIN_PAUSE_MS, performance.now() - startedAt));
    }
  }

  private report({ options, done, total, unreadable, startedAt }: Run): void {
    const perSecond = Math.round((done * 1_000) / Math.max(1, performance.now() - startedAt));
    options.onProgress?.({ done, total: Math.max(total, done), unreadable, perSecond });
  }

  /** Does the next batch of a table. Resolves to the next cursor; undefined at the end of the last table. */
  private async batch(run: Run, cursor: Cursor): Promise<Cursor | undefined> {
    const next = await this.batchOf(cursor.table, run, cursor);
    if (next) return next;
    const table = TABLES[TABLES.indexOf(cursor.table) + 1];
    return table && { ...START, table };
  }

  private batchOf(table: Table, run: Run, cursor: Cursor): Promise<Cursor | undefined> {
    if (table === 'handlerRun') return this.runErrors(run, cursor);
    return table === 'attempt' ? this.attemptErrors(run, cursor) : this.rows(run, cursor, table);
  }

  private async rows(run: Run, cursor: Cursor, table: 'delivery' | 'rejection'): Promise<Cursor | undefined> {
    const window = await this.repository.rowsAfter(table, cursor.id, WINDOW_ROWS);
    const last = window.at(-1);
    if (!last) return undefined;
    const outdated: ContentRow[] = [];
    const unready: ContentRow[] = [];
    for (const row of window) {
      if (row.keyId === '') continue;
      if (!(await this.columns.isReady(row.tenant))) unready.push(row);
      else if (row.keyId !== this.codec.currentKeyId(row.tenant)) outdated.push(row);
    }
    const batch = outdated.slice(0, MAX_ROWS).map(({ id }) => id);
    if (batch.length > 0) await this.replaceAll(run, table, batch);
    const next = outdated.length > batch.length ? (batch.at(-1) ?? last.id) : last.id;
    run.unreadable += unready.filter(({ id }) => id <= next).length; // the others are looked at again
    return { ...cursor, id: next };
  }

  private async replaceAll(run: Run, table: 'delivery' | 'rejection', ids: readonly string[]): Promise<void> {
    let size = ids.length;
    for (let at = 0; at < ids.length;) {
      const part = ids.slice(at, at + size);
      at += part.length;
      const bytes =
        table === 'delivery'
          ? await this.replaceDeliveries(run, await this.repository.deliveries(part))
          : await this.replaceRejections(run, await this.repository.rejections(part));
      size = Math.max(1, Math.min(MAX_ROWS, Math.floor((MAX_BATCH_BYTES * part.length) / Math.max(1, bytes))));
    }
  }

  private async replaceDeliveries(run: Run, rows: readonly DeliveryContents[]): Promise<number> {
    const changes = [];
    for (const row of rows) {
      const columns = await this.columns.ofDelivery(row);
      if (columns) changes.push({ row, columns });
      else if (row.rawBody !== '') run.unreadable++;
    }
    if (changes.length > 0) run.done += await this.repository.replace('delivery', changes);
    return rows.reduce((sum, { rawBody }) => sum + rawBody.length, 0);
  }

  private async replaceRejections(run: Run, rows: readonly RejectionContents[]): Promise<number> {
    for (const row of rows) {
      const columns = await this.columns.ofRejection(row);
      if (!columns) {
        run.unreadable++;
        continue;
      }
      const same = columns.fingerprint ? await this.repository.rejectionBy(String(columns.fingerprint)) : undefined;
      if (same !== undefined && same !== row.id) await this.repository.mergeRejections(row, same);
      else await this.repository.replace('rejection', [{ row, columns }]);
      run.done++;
    }
    return rows.reduce((sum, { rawBody }) => sum + rawBody.length, 0);
  }

  private async runErrors(run: Run, cursor: Cursor): Promise<Cursor | undefined> {
    const errors = await this.repository.runErrorsAfter(cursor.id, cursor.handler, MAX_ROWS);
    await this.replaceErrors(run, errors);
    const last = errors.at(-1);
    return last && { ...cursor, id: last.deliveryId, handler: last.handler };
  }

  private async attemptErrors(run: Run, cursor: Cursor): Promise<Cursor | undefined> {
    const errors = await this.repository.attemptErrorsAfter(cursor.id, MAX_ROWS);
    await this.replaceErrors(run, errors);
    const last = errors.at(-1);
    return last && { ...cursor, id: last.attemptId };
  }

  private async replaceErrors(run: Run, errors: readonly RunError[]): Promise<void> {
    for (const error of errors) {
      const isReady = await this.columns.isReady(error.tenant);
      if (isReady && !this.columns.isOutdated(error.lastError, error.tenant)) continue;
      const next = isReady ? await this.columns.ofRunError(error) : undefined;
      if (next === undefined) run.unreadable++;
      else {
        await this.repository.replaceRunError(error, next);
        run.done++;
      }
    }
  }
}
