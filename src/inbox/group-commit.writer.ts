import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { waitAtMost } from '../concurrency/with-timeout.js';
import { isUnavailable } from '../database/database.errors.js';
import { DeliveryHandoff } from './delivery.handoff.js';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './inbox.options.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { DeliveryRepository } from './delivery.repository.js';
import type { Lease, NewDelivery } from './delivery.factory.js';
import type { RecordingVerdict } from './verdict.js';

const MAX_CONCURRENT_FLUSHES = 2;
/** Number of flushes that may hang in a frozen database, their senders long answered, before no more are begun. */
const MAX_STALLED_FLUSHES = 8;
const MAX_ROWS = 200;
const MAX_BYTES = 1024 * 1024;

/** Content of one session, and everyone who sent it while it waited. One insert answers them all. */
interface Entry {
  readonly delivery: NewDelivery;
  readonly waiting: Sender[];
  /** Time at which the last of them will have been answered 503. Nobody waits for the record after that. */
  expiresAt: number;
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
  #openFlushes = 0;
  #nextDropAt = 0;
  #isPumpScheduled = false;

  constructor(
    private readonly repository: DeliveryRepository,
    private readonly connection: DatabaseConnection,
    private readonly handoff: DeliveryHandoff,
    private readonly clock: Clock,
    @Inject(RECEIVING_SETTINGS) { ackTimeout }: Pick<ReceivingSettings, 'ackTimeout'>,
  ) {
    this.#timeout = ackTimeout;
  }

  /**
   * Resolves once the delivery is durable, and rejects if it cannot be recorded. Never settles if the delivery is still
   * queued after `ackTimeout`: the sender has been answered 503 by then.
   */
  record(delivery: NewDelivery): Promise<RecordingVerdict> {
    return new Promise((resolve, reject) => {
      const content = delivery.idempotencyKey + delivery.fingerprint;
      const entry = this.#queue.get(content) ?? { delivery, waiting: [], expiresAt: 0 };
      entry.waiting.push({ resolve, reject });
      entry.expiresAt = this.clock.now() + this.#timeout;
      this.#queue.set(content, entry);
      this.#schedulePump();
    });
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
    this.#dropExpired();
    while (
      this.#activeFlushes < MAX_CONCURRENT_FLUSHES &&
      this.#openFlushes < MAX_CONCURRENT_FLUSHES + MAX_STALLED_FLUSHES
    ) {
      const batch = this.#nextBatch();
      if (batch.length === 0) return;
      this.#activeFlushes++;
      this.#openFlushes++;
      const flush = this.#flush(batch).finally(() => {
        this.#openFlushes--;
        this.#schedulePump();
      });
      // A frozen database may hold a flush for ever. It must not hold those that come after.
      void waitAtMost(flush, this.#timeout).finally(() => {
        this.#activeFlushes--;
        this.#schedulePump();
      });
    }
  }

  /** Drops entries that nobody waits for. It runs at most twice per `ackTimeout`, because it visits the whole queue. */
  #dropExpired(): void {
    const now = this.clock.now();
    if (now < this.#nextDropAt) return;
    this.#nextDropAt = now + this.#timeout / 2;
    for (const [content, { expiresAt }] of this.#queue) if (expiresAt < now) this.#queue.delete(content);
  }

  /**
   * Removes the next batch from the queue. A batch holds a key once. Other content for the same session waits for the
   * next batch, and meets the first there.
   */
  #nextBatch(): Entry[] {
    const batch = new Map<string, Entry>();
    let bytes = 0;
    for (const [content, entry] of this.#queue) {
      if (entry.expiresAt < this.clock.now() || batch.has(entry.delivery.idempotencyKey)) continue;
      bytes += Buffer.byteLength(entry.delivery.rawBody);
      if (batch.size === MAX_ROWS || (batch.size > 0 && bytes > MAX_BYTES)) break;
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
    const recordings = await this.#record(rows);
    rows.forEach(({ delivery, lease: own }, index) => this.#handOff(delivery, own, recordings[index]));
    batch.forEach(({ waiting }, index) => resolveSenders(waiting, recordings[index]));
  }

  /** Records a batch. One bad row does not fail its neighbours: the batch is halved until the row stands alone. */
  async #record(rows: BatchRow[]): Promise<(RecordingVerdict | Error)[]> {
    try {
      return await this.repository.record(rows);
    } catch (error) {
      if (rows.length > 1 && !isUnavailable(this.connection.dialect, error)) {
        const half = rows.length >> 1;
        return [...(await this.#record(rows.slice(0, half))), ...(await this.#record(rows.slice(half)))];
      }
      const unavailable = new Cr3dentialsWebhookError(
        'INBOX_UNAVAILABLE',
        'The inbox could not record a delivery; the sender was asked to try again. Check the database.',
        { cause: error },
      );
      return rows.map(() => unavailable);
    }
  }

  #handOff(delivery: NewDelivery, lease: Lease | undefined, recording: RecordingVerdict | Error | undefined): void {
    if (recording === 'accepted' && lease) this.handoff.submit(delivery, lease);
    else if (recording === 'accepted') this.handoff.notify();
    else if (lease) this.handoff.release(1);
  }
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
