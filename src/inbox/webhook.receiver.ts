import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { Contracted } from '../contract/payload-validation.pipe.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { SETTINGS } from '../cr3dentials-webhook.tokens.js';
import type { Settings } from '../cr3dentials-webhook.options.js';
import { within } from '../deadline.js';
import { oneLine } from '../one-line.js';
import { describeFailure } from './failures.js';
import { GroupCommitWriter } from './group-commit.writer.js';
import { newDelivery, type Verdict } from './recording.js';
import { RejectionRepository, type NewRejection } from './rejection.repository.js';

/** Remembers an authentic POST, once; as a delivery, or as a rejection when it cannot become one. */
@Injectable()
export class WebhookReceiver {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private waiting = 0;
  private unrecorded = 0;
  private nextReportAt = 0;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly writer: GroupCommitWriter,
    private readonly rejections: RejectionRepository,
  ) {}

  /** Resolves once what was sent is durable, or when that cannot be known within `ackTimeout` of its arrival. */
  async receive(webhook: Contracted, arrivedAt = performance.now()): Promise<Verdict> {
    const { ackTimeout, maxQueued } = this.settings;
    const timeLeft = ackTimeout - (performance.now() - arrivedAt);
    const isFull = this.waiting >= maxQueued;
    this.waiting++;
    try {
      if (isFull) throw full(maxQueued);
      return await within(timeLeft, this.record(webhook), () => late(ackTimeout));
    } catch (error) {
      this.report(error);
      return 'unavailable';
    } finally {
      this.waiting--;
    }
  }

  private async record(webhook: Contracted): Promise<Verdict> {
    const { tenant, body } = webhook;
    switch (webhook.understood) {
      case 'no': {
        const { sessionId, violations } = webhook;
        return this.reject('invalid', { detail: JSON.stringify(violations), body, tenant, sessionId });
      }
      case 'unknown-status': {
        const { sessionId, status } = webhook.payload;
        return this.reject('unknown-status', { detail: oneLine(status), body, tenant, sessionId });
      }
      case 'unexpected-data': {
        const { mismatch, payload } = webhook;
        return this.reject('unexpected-data', { detail: mismatch, body, tenant, sessionId: payload.sessionId });
      }
      case 'yes': {
        const delivery = newDelivery(tenant, webhook.payload, body, this.clock.now());
        const { sessionId, idempotencyKey } = delivery;
        const verdict = await this.writer.record(delivery);
        return verdict === 'conflict'
          ? this.reject('conflict', { detail: idempotencyKey, body, tenant, sessionId })
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
    const cause = error instanceof Error && error.cause ? ` (${describeFailure(error.cause)})` : '';
    this.logger.error(
      `Answered 503 to ${this.unrecorded} POST(s), to be sent again. ${describeFailure(error)}${cause}`,
    );
    this.nextReportAt = now + 1_000;
    this.unrecorded = 0;
  }

  private async reject<R extends Exclude<Verdict, 'accepted' | 'duplicate' | 'unavailable'>>(
    verdict: R,
    rejection: Omit<NewRejection, 'reason'>,
  ): Promise<R> {
    await this.rejections.keep({ reason: verdict, ...rejection }, this.clock.now());
    this.logger.warn(
      `An authentic POST was kept as a rejection (${verdict}). Look at it with inbox.rejections.list().`,
    );
    return verdict;
  }
}

function full(most: number): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'INBOX_FULL',
    `${most} POSTs wait for the inbox already. Speed up the database, or raise "maxQueued".`,
  );
}

function late(milliseconds: number): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'INBOX_TIMEOUT',
    `It was not recorded within ${milliseconds} ms. Check the database.`,
  );
}
