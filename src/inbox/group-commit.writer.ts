import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancellation } from '../concurrency/cancellation.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { isLocked, isUnavailable } from '../database/database.errors.js';
import { DeliveryHandoff } from './delivery.handoff.js';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './inbox.options.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { DeliveryRepository } from './delivery.repository.js';
import type { Lease, NewDelivery } from './delivery.factory.js';
import type { RecordingVerdict } from './verdict.js';

const MAX_CONCURRENT_FLUSHES = 2;
const MAX_ROWS = 200;
const LOCKED_DELAY_MS = 50;

/** Content of one session, and everyone who sent it while it waited. One insert answers them all. */
interface Entry {
  readonly delivery: NewDelivery;
  readonly waiting: Sender[];
}

interface Sender {
  resolve(recording: RecordingVerdict): void;
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
    @Inject(RECEIVING_SETTINGS) { ackTimeout }: Pick<ReceivingSettings, 'ackTimeout'>,
  ) {
    this.#timeout = ackTimeout;
  }

  /**
   * Resolves once the delivery is durable, and rejects if it cannot be recorded. It also rejects if it is still queued
   * at its deadline, and is then dropped.
   */
  record(delivery: NewDelivery, deadline = new Cancellation()): Promise<RecordingVerdict> {
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

  /** What is being inserted goes on. */
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
    runOutsideRequest(() =>
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
    const recordings = await this.#record(rows, performance.now() + this.#timeout);
    rows.forEach(({ delivery, lease: own }, index) => this.#handOff(delivery, own, recordings[index]));
    batch.forEach(({ waiting }, index) => resolveSenders(waiting, recordings[index]));
  }

  /**
   * Records a batch. One bad row does not fail its neighbours: the batch is halved until the row stands alone, as long
   * as somebody waits.
   */
  async #record(rows: BatchRow[], giveUpAt: number): Promise<(RecordingVerdict | Error)[]> {
    try {
      const verdicts = await this.repository.record(rows);
      return verdicts.map((verdict) => (verdict === 'locked' ? unavailable() : verdict));
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

  #handOff(delivery: NewDelivery, lease: Lease | undefined, recording: RecordingVerdict | Error | undefined): void {
    if (recording === 'accepted' && lease) this.handoff.submit(delivery, lease);
    else if (recording === 'accepted') this.handoff.notify();
    else if (lease && typeof recording === 'string') this.handoff.release(1);
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
function resolveSenders(waiting: readonly Sender[], recording: RecordingVerdict | Error | undefined): void {
  waiting.forEach(({ resolve, reject }, index) => {
    if (recording === undefined || recording instanceof Error) reject(recording);
    else resolve(recording === 'accepted' && index > 0 ? 'duplicate' : recording);
  });
}
