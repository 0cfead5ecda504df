import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { ReceivedWebhook } from '../contract/payload-validation.pipe.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import { toSingleLine } from '../instrumentation/single-line.js';
import { formatDatabaseError } from '../database/database.errors.js';
import { GroupCommitWriter } from './group-commit.writer.js';
import { newDelivery, type Verdict } from './delivery.factory.js';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './inbox.options.js';
import { RejectionRepository, type NewRejection } from './rejection.repository.js';

/** Remembers an authentic POST, once; as a delivery, or as a rejection when it cannot become one. */
@Injectable()
export class WebhookReceiver {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private waiting = 0;
  private unrecorded = 0;
  private nextReportAt = 0;

  constructor(
    @Inject(RECEIVING_SETTINGS) private readonly settings: ReceivingSettings,
    private readonly clock: Clock,
    private readonly writer: GroupCommitWriter,
    private readonly rejections: RejectionRepository,
  ) {}

  /** Resolves once what was sent is durable, or when that cannot be known within `receiving.ackTimeout` of its arrival. */
  async receive(webhook: ReceivedWebhook, arrivedAt = performance.now()): Promise<Verdict> {
    const { ackTimeout, maxQueued } = this.settings;
    const timeLeft = ackTimeout - (performance.now() - arrivedAt);
    const isFull = this.waiting >= maxQueued;
    this.waiting++;
    try {
      if (isFull) throw inboxFull(maxQueued);
      return await withTimeout(timeLeft, this.record(webhook), () => timedOut(ackTimeout));
    } catch (error) {
      this.report(error);
      return 'unavailable';
    } finally {
      this.waiting--;
    }
  }

  private async record(webhook: ReceivedWebhook): Promise<Verdict> {
    const { tenant, rawBody } = webhook;
    switch (webhook.validity) {
      case 'invalid': {
        const { sessionId, violations } = webhook;
        return this.reject('invalid', { detail: JSON.stringify(violations), rawBody, tenant, sessionId });
      }
      case 'unknown-status': {
        const { sessionId, status } = webhook.payload;
        return this.reject('unknown-status', { detail: toSingleLine(status), rawBody, tenant, sessionId });
      }
      case 'unexpected-data': {
        const { dataViolations, payload } = webhook;
        return this.reject('unexpected-data', {
          detail: dataViolations,
          rawBody,
          tenant,
          sessionId: payload.sessionId,
        });
      }
      case 'valid': {
        const delivery = newDelivery(tenant, webhook.payload, rawBody, this.clock.now());
        const { sessionId, idempotencyKey } = delivery;
        const verdict = await this.writer.record(delivery);
        return verdict === 'conflict'
          ? this.reject('conflict', { detail: idempotencyKey, rawBody, tenant, sessionId })
          : verdict;
      }
      default:
        return webhook satisfies never;
    }
  }

  /** One line a second at the most: an outage meets every sender. */
  private report(error: unknown): void {
    this.unrecorded++;
    const now = this.clock.now();
    if (now < this.nextReportAt) return;
    const cause = error instanceof Error && error.cause ? ` (${formatDatabaseError(error.cause)})` : '';
    this.logger.error(
      `Answered 503 to ${this.unrecorded} POST(s), to be sent again. ${formatDatabaseError(error)}${cause}`,
    );
    this.nextReportAt = now + 1_000;
    this.unrecorded = 0;
  }

  private async reject<R extends Exclude<Verdict, 'accepted' | 'duplicate' | 'unavailable'>>(
    verdict: R,
    rejection: Omit<NewRejection, 'reason'>,
  ): Promise<R> {
    await this.rejections.save({ reason: verdict, ...rejection }, this.clock.now());
    this.logger.warn(
      `An authentic POST was kept as a rejection (${verdict}). Look at it with inbox.rejections.list().`,
    );
    return verdict;
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
