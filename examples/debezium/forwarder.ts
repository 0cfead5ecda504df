import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { OutboxMessage } from './outbox.entity.js';

/** Writes a row that Debezium reads from the log of the database: without `extractedData`, which topics would keep. */
@Injectable()
export class Forwarder {
  /** The row commits with the completion of this handler, so there is one for each delivery. */
  @OnVerification({ id: 'outbox.write', transactional: true })
  async write(event: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    const { status, sessionId, platformId, externalReferenceId, deliveryId, receivedAt } = event;
    await manager.insert(OutboxMessage, {
      aggregateType: 'verification',
      aggregateId: sessionId,
      type: status,
      payload: { deliveryId, sessionId, status, platformId, externalReferenceId, receivedAt },
    });
  }
}
