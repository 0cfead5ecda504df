import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { Clock } from '../clock.js';
import { parseInstant } from '../contract/iso-8601.js';
import type { VerificationPayload } from '../contract/verification.payload.js';
import type { ReceivedWebhook } from '../contract/payload-validation.pipe.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { Cancellation } from '../concurrency/cancellation.js';
import { QueueLimit } from '../concurrency/queue.limit.js';
import { Semaphore } from '../concurrency/semaphore.js';
import { withDeadline } from '../concurrency/with-timeout.js';
import { formatDatabaseError } from '../database/database.errors.js';
import { GroupCommitWriter } from './group-commit.writer.js';
import { newDelivery } from './delivery.factory.js';
import { MAX_AGE_OF_COMPLETION, RECEIVING_SETTINGS, type ReceivingSettings } from './inbox.options.js';
import { PayloadCodec } from './payload.codec.js';
import { RejectionRepository, type NewRejection } from './rejection.repository.js';
import { UnrecordedSessionRepository } from './unrecorded-session.repository.js';
import type { Verdict } from './verdict.js';

/** Each is a statement of its own, and deliveries come first. */
const MAX_CONCURRENT_REJECTIONS = 2;

/** Records an authentic POST once: as a delivery, or as a rejection if it cannot become one. */
@Injectable()
export class WebhookReceiver {
  private readonly rejecting = new Semaphore(MAX_CONCURRENT_REJECTIONS);

  constructor(
    private readonly queue: QueueLimit,
    @Inject(RECEIVING_SETTINGS) private readonly settings: ReceivingSettings,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly writer: GroupCommitWriter,
    private readonly rejections: RejectionRepository,
    private readonly unrecorded: UnrecordedSessionRepository,
    private readonly codec: PayloadCodec,
    @Inject(MAX_AGE_OF_COMPLETION) private readonly maxAge: number | undefined,
  ) {}

  /**
   * Resolves once the POST is durable. Resolves to `unavailable` if it fails, or is not durable within
   * `receiving.ackTimeout` of its arrival. What has not been begun by then is dropped. Never rejects.
   */
  async receive(webhook: ReceivedWebhook, arrivedAt = performance.now()): Promise<Verdict> {
    const { ackTimeout } = this.settings;
    const timeLeft = ackTimeout - (performance.now() - arrivedAt);
    try {
      return await withDeadline(
        (deadline) => this.record(webhook, deadline),
        timeLeft,
        () => timedOut(ackTimeout),
      );
    } catch (error) {
      this.report(error);
      if (!webhook.rejection) this.unrecorded.add(webhook.payload.sessionId, webhook.tenant);
      return 'unavailable';
    }
  }

  /** It leaves the queue when its record has ended, which may be later than its answer. */
  private async record(webhook: ReceivedWebhook, deadline: Cancellation): Promise<Verdict> {
    const { tenant, rawBody } = webhook;
    const bytes = Buffer.byteLength(rawBody);
    this.queue.enter(bytes);
    try {
      const preparing = this.codec.prepare(tenant);
      if (preparing) await preparing; // awaiting nothing would cost a turn
      if (webhook.rejection) return await this.reject({ ...webhook.rejection, tenant, rawBody }, deadline);
      const { sessionId } = webhook.payload;
      if (this.maxAge !== undefined && this.isStale(webhook.payload, this.maxAge))
        return await this.reject({ reason: 'stale', detail: 'completedAt', sessionId, tenant, rawBody }, deadline);
      const delivery = newDelivery(tenant, webhook.payload, rawBody, this.clock.now());
      const verdict = await this.writer.record(delivery, deadline);
      if (verdict !== 'conflict') return verdict;
      return await this.reject(
        { reason: 'conflict', detail: delivery.idempotencyKey, sessionId, tenant, rawBody },
        deadline,
      );
    } finally {
      this.queue.leave(bytes);
    }
  }

  /** A repetition of a session that was forgotten looks like this. */
  private isStale({ completedAt }: VerificationPayload, maxAge: number): boolean {
    return completedAt !== null && parseInstant(completedAt).getTime() < this.clock.now() - maxAge;
  }

  private async reject<R extends NewRejection>(rejection: R, deadline: Cancellation): Promise<R['reason']> {
    await this.rejecting.run(() => this.rejections.save(rejection, this.clock.now()), deadline);
    this.instrumentation.announce('rejected', { reason: rejection.reason });
    return rejection.reason;
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
