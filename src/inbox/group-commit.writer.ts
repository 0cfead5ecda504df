import { Inject, Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancellation } from '../concurrency/cancellation.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { isLocked, isUnavailable, toOccurrenceError } from '../database/database.errors.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { DeliveryHandoff } from './delivery.handoff.js';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './receiving.options.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { DeliveryRepository } from './delivery.repository.js';
import type { Lease, NewDelivery } from './claimed-delivery.js';
import type { Recording } from './verdict.js';

const MAX_CONCURRENT_FLUSHES = 2;
const MAX_ROWS = 200;
const LOCKED_DELAY_MS = 50;

/** Content of one session, and everyone who sent it while it waited. One insert answers them all. */
interface Entry {
  readonly delivery: NewDelivery;
  readonly waiting: Sender[];
}

interface Sender {
  resolve(recording: Recording): void;
  reject(error: unknown): void;
}

type BatchRow = Parameters<DeliveryRepository['record']>[0][number];

/**
 * Records concurrent POSTs with one insert and one commit. An idle inbox writes what one turn of the event loop brings.
 * While two flushes are under way, what arrives gathers for the next.
 */
@Injectable()
export class GroupCommitWriter {
  readonly #queue = new Map<string, Entry>();
  readonly #timeout: number;
  #activeFlushes = 0;
  #isPumpScheduled = false;

  constructor(
    private readonly repository: DeliveryRepository,
    private readonly connection: DatabaseConnection,
    private readonly handoff: DeliveryHandoff,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
    @Inject(RECEIVING_SETTINGS) { ackTimeout }: Pick<ReceivingSettings, 'ackTimeout'>,
  ) {
    this.#timeout = ackTimeout;
  }

  /**
   * Resolves once the delivery is durable, and rejects if it cannot be recorded. It also rejects if it is still queued
   * at its deadline, and is then dropped.
   */
  record(delivery: NewDelivery, deadline = new Cancellation()): Promise<Recording> {
    return new Promise((resolve, reject) => {
      const content = delivery.idempotencyKey + delivery.fingerprint;
      const entry = this.#queue.get(content) ?? { delivery, waiting: [] };
      const sender: Sender = { resolve, reject };
      entry.waiting.push(sender);
      this.#queue.set(content, entry);
      deadline.onCancel((reason) => this.#drop(content, entry, sender, reason));
      this.#schedulePump();
    });
  }

  /** Drops a POST that waits. One that is being inserted goes on. */
  #drop(content: string, entry: Entry, sender: Sender, reason: unknown): void {
    if (this.#queue.get(content) !== entry) return;
    entry.waiting.splice(entry.waiting.indexOf(sender), 1);
    if (entry.waiting.length === 0) this.#queue.delete(content);
    sender.reject(reason);
  }

  /**
   * Schedules the pump for the end of this turn of the event loop. POSTs that other connections bring in it join the
   * batch.
   */
  #schedulePump(): void {
    if (this.#isPumpScheduled) return;
    this.#isPumpScheduled = true;
    this.telemetry.inBackground(() =>
      setImmediate(() => {
        this.#isPumpScheduled = false;
        this.#pump();
      }),
    );
  }

  #pump(): void {
    while (this.#activeFlushes < MAX_CONCURRENT_FLUSHES) {
      const batch = this.#nextBatch();
      if (batch.length === 0) return;
      this.#activeFlushes++;
      void this.#flush(batch).finally(() => {
        this.#activeFlushes--;
        this.#schedulePump();
      });
    }
  }

  /**
   * Removes the next batch from the queue. A batch holds a key once. Other content for the same session waits for the
   * next batch, and meets the first there.
   */
  #nextBatch(): Entry[] {
    const batch = new Map<string, Entry>();
    let bytes = 0;
    for (const [content, entry] of this.#queue) {
      if (batch.has(entry.delivery.idempotencyKey)) continue;
      bytes += Buffer.byteLength(entry.delivery.rawBody);
      if (batch.size === MAX_ROWS || (batch.size > 0 && bytes > this.connection.dialect.maxBatchBytes)) break;
      batch.set(entry.delivery.idempotencyKey, entry);
      this.#queue.delete(content);
    }
    return [...batch.values()];
  }

  async #flush(batch: Entry[]): Promise<void> {
    const { capacity, lease } = this.handoff.reserve(batch.length);
    const rows = batch.map(({ delivery, waiting }, index) => ({
      delivery,
      duplicates: waiting.length - 1,
      lease: index < capacity ? lease : undefined,
    }));
    const begunAt = performance.now();
    const recordings = await this.#record(rows, begunAt + this.#timeout);
    this.#announce(rows, begunAt, recordings);
    rows.forEach(({ delivery, lease: usedLease }, index) => this.#handOff(delivery, usedLease, recordings[index]));
    batch.forEach(({ waiting }, index) => resolveSenders(waiting, recordings[index]));
  }

  #announce(rows: readonly BatchRow[], begunAt: number, recordings: readonly (Recording | Error)[]): void {
    const isHeard = this.instrumentation.hasSubscribers('flushed');
    if (!isHeard && !this.telemetry.followsBatches) return;
    const duration = performance.now() - begunAt;
    const deliveries = rows.map(({ delivery }) => delivery);
    const failure = recordings.find((recording) => recording instanceof Error);
    const error = failure && toOccurrenceError(failure.cause ?? failure);
    this.telemetry.batch('flush', deliveries, begunAt, error);
    if (!isHeard) return;
    const bytes = deliveries.reduce((sum, { rawBody }) => sum + Buffer.byteLength(rawBody), 0);
    this.instrumentation.announce('flushed', { size: rows.length, bytes, duration, error });
  }

  /**
   * Records a batch. One bad row does not fail its neighbours: the batch is halved until the row stands alone, as long
   * as somebody waits.
   */
  async #record(rows: BatchRow[], giveUpAt: number): Promise<(Recording | Error)[]> {
    try {
      const recordings = await this.repository.record(rows);
      return recordings.map((recording) => (recording === 'locked' ? unavailable() : recording));
    } catch (error) {
      if (performance.now() < giveUpAt && isLocked(this.connection.dialect, error)) {
        await sleep(LOCKED_DELAY_MS); // the whole table, by a migration for example
        return this.#record(rows, giveUpAt);
      }
      if (rows.length > 1 && performance.now() < giveUpAt && !isUnavailable(this.connection.dialect, error)) {
        const half = rows.length >> 1;
        const first = await this.#record(rows.slice(0, half), giveUpAt);
        return [...first, ...(await this.#record(rows.slice(half), giveUpAt))];
      }
      const failure = unavailable(error);
      return rows.map(() => failure);
    }
  }

  #handOff(delivery: NewDelivery, lease: Lease | undefined, recording: Recording | Error | undefined): void {
    const verdict = recording && 'verdict' in recording ? recording.verdict : undefined;
    if (verdict === 'accepted' && lease) this.handoff.submit(delivery, lease);
    else if (verdict === 'accepted') this.handoff.notify();
    else if (lease && verdict) this.handoff.release(1);
    else if (lease) this.handoff.abandon([delivery.id], lease);
  }
}

function unavailable(cause?: unknown): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'INBOX_UNAVAILABLE',
    cause
      ? 'The inbox could not record a delivery; the sender was asked to try again. Check the database.'
      : 'Another transaction is inserting the same session; the sender was asked to try again. End that transaction.',
    { cause },
  );
}

/**
 * Settles everyone who sent one content. If it was accepted, the first of them made the delivery and the others are
 * duplicates.
 */
function resolveSenders(waiting: readonly Sender[], recording: Recording | Error | undefined): void {
  waiting.forEach(({ resolve, reject }, index) => {
    if (recording === undefined || recording instanceof Error) reject(recording);
    else resolve(recording.verdict === 'accepted' && index > 0 ? { ...recording, verdict: 'duplicate' } : recording);
  });
}
