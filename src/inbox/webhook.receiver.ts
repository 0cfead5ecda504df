import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import type { ReceivingSpan } from '../instrumentation/telemetry.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { Clock } from '../clock.js';
import { parseInstant } from '../contract/iso-8601.js';
import type { VerificationPayload } from '../contract/verification.payload.js';
import type { ReceivedWebhook } from '../contract/payload-validation.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { Cancellation } from '../concurrency/cancellation.js';
import { ReceivingLimit } from '../concurrency/receiving.limit.js';
import { Semaphore } from '../concurrency/semaphore.js';
import { withDeadline } from '../concurrency/with-timeout.js';
import { formatDatabaseError, toOccurrenceError } from '../database/database.errors.js';
import { DuplicateCounter } from './duplicate.counter.js';
import { GroupCommitWriter } from './group-commit.writer.js';
import { newDelivery } from './claimed-delivery.js';
import { STALE_AFTER, RECEIVING_SETTINGS, type ReceivingSettings } from './receiving.options.js';
import { PayloadCodec } from './payload.codec.js';
import { RejectionRepository, type NewRejection } from './rejection.repository.js';
import { UnrecordedSessions } from './unrecorded.sessions.js';
import type { Verdict } from './verdict.js';

/** A verdict that is durable, with the delivery that has the content of the POST, if there is one. */
interface Received {
  readonly verdict: Verdict;
  readonly deliveryId?: string | undefined;
}

/** Number of rejections saved at the same time. Each is a statement of its own, and deliveries come first. */
const MAX_CONCURRENT_REJECTIONS = 2;

/** Records an authentic POST once: as a delivery, or as a rejection if it cannot become one. */
@Injectable()
export class WebhookReceiver {
  private readonly rejecting = new Semaphore(MAX_CONCURRENT_REJECTIONS);

  constructor(
    private readonly queue: ReceivingLimit,
    @Inject(RECEIVING_SETTINGS) private readonly settings: ReceivingSettings,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly writer: GroupCommitWriter,
    private readonly rejections: RejectionRepository,
    private readonly duplicates: DuplicateCounter,
    private readonly unrecorded: UnrecordedSessions,
    private readonly codec: PayloadCodec,
    private readonly telemetry: TelemetryHooks,
    @Inject(STALE_AFTER) private readonly staleAfterMs: number | undefined,
  ) {}

  /**
   * Resolves once the POST is durable. Resolves to `unavailable` if it fails, or is not durable within
   * `receiving.ackTimeout` of its arrival. What has not been begun by then is dropped. Never rejects.
   */
  async receive(webhook: ReceivedWebhook, arrivedAt = performance.now()): Promise<Verdict> {
    const { ackTimeout } = this.settings;
    const timeLeft = ackTimeout - (performance.now() - arrivedAt);
    const receipt = this.telemetry.receiving();
    try {
      const { verdict, deliveryId } = await withDeadline(
        (deadline) => this.record(webhook, deadline, receipt?.traceparent),
        timeLeft,
        () => timedOut(ackTimeout),
      );
      this.announce(arrivedAt, receipt, { verdict, deliveryId });
      return verdict;
    } catch (error) {
      this.report(error);
      if (!webhook.rejection) this.unrecorded.add(webhook.payload.sessionId, webhook.tenant);
      this.announce(arrivedAt, receipt, { verdict: 'unavailable', error });
      return 'unavailable';
    }
  }

  private announce(arrivedAt: number, receipt: ReceivingSpan | undefined, facts: Received & { error?: unknown }): void {
    if (!receipt && !this.instrumentation.hasSubscribers('received')) return;
    const { verdict, deliveryId, error: cause } = facts;
    const duration = performance.now() - arrivedAt;
    const error = cause === undefined ? undefined : toOccurrenceError(cause);
    const received = { verdict, deliveryId, duration, error };
    receipt?.end(received);
    this.instrumentation.announce('received', received);
  }

  /** The POST leaves the queue when recording has ended, which may be after its answer. */
  private async record(webhook: ReceivedWebhook, deadline: Cancellation, traceparent?: string): Promise<Received> {
    const { tenant, rawBody } = webhook;
    const bytes = Buffer.byteLength(rawBody);
    this.queue.enter(bytes);
    try {
      const preparing = this.codec.prepare(tenant); // awaiting nothing would cost a turn
      const erased = preparing && (await this.prepared(preparing, webhook, deadline));
      if (erased) return erased;
      if (webhook.rejection) return await this.rejectUntraced({ ...webhook.rejection, tenant, rawBody }, deadline);
      const { sessionId } = webhook.payload;
      if (this.staleAfterMs !== undefined && this.isStale(webhook.payload, this.staleAfterMs))
        return await this.rejectUntraced(
          { reason: 'stale', detail: 'completedAt', sessionId, tenant, rawBody },
          deadline,
        );
      const delivery = newDelivery(tenant, webhook.payload, rawBody, this.clock.now(), traceparent);
      const recording = await this.writer.record(delivery, deadline);
      if (recording.verdict !== 'conflict') return recording;
      return await this.rejectUntraced(
        { reason: 'conflict', detail: delivery.idempotencyKey, sessionId, tenant, rawBody },
        deadline,
      );
    } finally {
      this.queue.leave(bytes);
    }
  }

  /** Waits for the keys. A session that was erased needs none: it is known by its tombstone, whatever the keys are. */
  private async prepared(
    preparing: Promise<void>,
    webhook: ReceivedWebhook,
    deadline: Cancellation,
  ): Promise<Received | undefined> {
    try {
      await preparing;
      return undefined;
    } catch (error) {
      const tombstone = await this.rejecting.run(() => this.rejections.findTombstone(webhook), deadline);
      if (tombstone === undefined) throw error;
      return this.countErased(tombstone);
    }
  }

  private async countErased(tombstone: string): Promise<Received> {
    await this.duplicates.count(new Map([[tombstone, { count: 1, lastAt: this.clock.now() }]]));
    return { verdict: 'erased', deliveryId: tombstone };
  }

  /** Tells whether a session completed so long ago that it may have been pruned: a repetition would look new. */
  private isStale({ completedAt }: VerificationPayload, staleAfterMs: number): boolean {
    return completedAt !== null && parseInstant(completedAt).getTime() < this.clock.now() - staleAfterMs;
  }

  /** The statements have no spans, as those of a batch have none. */
  private rejectUntraced(rejection: NewRejection & { reason: Verdict }, deadline: Cancellation): Promise<Received> {
    return this.telemetry.untraced(() => this.reject(rejection, deadline));
  }

  private async reject(rejection: NewRejection & { reason: Verdict }, deadline: Cancellation): Promise<Received> {
    const now = this.clock.now();
    const tombstone = await this.rejecting.run(() => this.rejections.save(rejection, now), deadline);
    if (tombstone !== undefined) return this.countErased(tombstone);
    this.instrumentation.announce('rejected', { reason: rejection.reason });
    return { verdict: rejection.reason };
  }

  private report(error: unknown): void {
    const cause = error instanceof Error && error.cause ? ` (${formatDatabaseError(error.cause)})` : '';
    this.instrumentation.announce('unavailable', { error: `${formatDatabaseError(error)}${cause}` });
  }
}

function timedOut(milliseconds: number): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'INBOX_TIMEOUT',
    `Recording timed out after ${milliseconds} ms. Check the database.`,
  );
}
