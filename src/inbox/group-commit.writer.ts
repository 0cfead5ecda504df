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
/** Flushes that a frozen database may hold, their senders long answered, before no more are begun. */
const MAX_STALLED_FLUSHES = 8;
const MAX_ROWS = 200;
const MAX_BYTES = 1024 * 1024;

/** One session's content, and everyone who sent it while it waited: one insert answers them all. */
interface Entry {
  readonly delivery: NewDelivery;
  readonly waiting: Sender[];
  /** When the last of them will have been answered 503: then there is nobody to record it for. */
  expiresAt: number;
}

interface Sender {
  resolve(recording: RecordingVerdict): void;
  reject(error: unknown): void;
}

type BatchRow = Parameters<DeliveryRepository['record']>[0][number];

/**
 * Concurrent POSTs share one insert and one commit. An idle inbox writes what one turn of the event loop brings; while
 * two flushes are under way, what arrives gathers for the next.
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

  /** Resolves once the delivery is durable; never, when it is still queued after the timeout. */
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

  /** At the end of this turn of the event loop: what is being read from other connections in it comes along. */
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
      // A frozen database holds a flush for as long as it likes; it does not hold those that come after.
      void waitAtMost(flush, this.#timeout).finally(() => {
        this.#activeFlushes--;
        this.#schedulePump();
      });
    }
  }

  /** Now and then, as it goes over all that waits. */
  #dropExpired(): void {
    const now = this.clock.now();
    if (now < this.#nextDropAt) return;
    this.#nextDropAt = now + this.#timeout / 2;
    for (const [content, { expiresAt }] of this.#queue) if (expiresAt < now) this.#queue.delete(content);
  }

  /** A key stands once in a batch; other content for the same session waits for the next and finds the first. */
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

  /** One bad row does not fail its neighbours: the batch is halved until it stands alone. */
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

/** The first to send it made the delivery, if that was new. */
function resolveSenders(waiting: readonly Sender[], recording: RecordingVerdict | Error | undefined): void {
  waiting.forEach(({ resolve, reject }, index) => {
    if (recording === undefined || recording instanceof Error) reject(recording);
    else resolve(recording === 'accepted' && index > 0 ? 'duplicate' : recording);
  });
}
