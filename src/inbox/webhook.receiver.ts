import { Inject, Injectable } from '@nestjs/common';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { Clock } from '../clock.js';
import type { ReceivedWebhook } from '../contract/payload-validation.pipe.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import { formatDatabaseError } from '../database/database.errors.js';
import { GroupCommitWriter } from './group-commit.writer.js';
import { newDelivery } from './delivery.factory.js';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './inbox.options.js';
import { RejectionRepository, type NewRejection } from './rejection.repository.js';
import type { Verdict } from './verdict.js';

/** Records an authentic POST once: as a delivery, or as a rejection if it cannot become one. */
@Injectable()
export class WebhookReceiver {
  private waiting = 0;

  constructor(
    @Inject(RECEIVING_SETTINGS) private readonly settings: ReceivingSettings,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly writer: GroupCommitWriter,
    private readonly rejections: RejectionRepository,
  ) {}

  /**
   * Resolves once the POST is durable. Resolves to `unavailable` if it fails, or is not durable within
   * `receiving.ackTimeout` of its arrival. Never rejects.
   */
  async receive(webhook: ReceivedWebhook, arrivedAt = performance.now()): Promise<Verdict> {
    const { ackTimeout, maxQueued } = this.settings;
    const timeLeft = ackTimeout - (performance.now() - arrivedAt);
    const isFull = this.waiting >= maxQueued;
    this.waiting++;
    try {
      if (isFull) throw inboxFull(maxQueued);
      return await withTimeout(this.record(webhook), timeLeft, () => timedOut(ackTimeout));
    } catch (error) {
      this.report(error);
      return 'unavailable';
    } finally {
      this.waiting--;
    }
  }

  private async record(webhook: ReceivedWebhook): Promise<Verdict> {
    const { tenant, rawBody } = webhook;
    if (webhook.rejection) return this.reject({ ...webhook.rejection, tenant, rawBody });
    const delivery = newDelivery(tenant, webhook.payload, rawBody, this.clock.now());
    const verdict = await this.writer.record(delivery);
    if (verdict !== 'conflict') return verdict;
    const { sessionId, idempotencyKey } = delivery;
    return this.reject({ reason: 'conflict', detail: idempotencyKey, sessionId, tenant, rawBody });
  }

  private async reject<R extends NewRejection>(rejection: R): Promise<R['reason']> {
    await this.rejections.save(rejection, this.clock.now());
    this.instrumentation.announce('rejected', { reason: rejection.reason });
    return rejection.reason;
  }

  private report(error: unknown): void {
    const cause = error instanceof Error && error.cause ? ` (${formatDatabaseError(error.cause)})` : '';
    this.instrumentation.announce('unavailable', { error: `${formatDatabaseError(error)}${cause}` });
  }
}

function inboxFull(most: number): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'INBOX_FULL',
    `${most} POSTs wait for the inbox already. Speed up the database, or raise "receiving.maxQueued".`,
  );
}

function timedOut(milliseconds: number): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'INBOX_TIMEOUT',
    `It was not recorded within ${milliseconds} ms. Check the database.`,
  );
}
