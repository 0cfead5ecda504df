import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { Broker } from './broker.js';

/** Forwards events to other services, without `extractedData`: queues and dead letter queues would store it. */
@Injectable()
export class Forwarder {
  constructor(private readonly broker: Broker) {}

  /** Completes after the broker has confirmed the message. It is retried while the broker is down or no queue is bound. */
  @OnVerification({ id: 'broker.forward' })
  async forward(event: VerificationEvent): Promise<void> {
    const { status, sessionId, platformId, externalReferenceId, deliveryId, receivedAt } = event;
    const topic = `verification.${status.toLowerCase()}`;
    await this.broker.publish(topic, deliveryId, { sessionId, status, platformId, externalReferenceId, receivedAt });
  }
}
