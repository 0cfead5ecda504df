import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { Broker } from './broker.js';

/** Tells other services. They are told that there is data, not the data: a broker's queues and dead letters keep it. */
@Injectable()
export class Forwarder {
  constructor(private readonly broker: Broker) {}

  /** Completed once the broker has the message; tried again while it is away or nobody has bound a queue. */
  @OnVerification({ id: 'broker.forward' })
  async forward(event: VerificationEvent): Promise<void> {
    const { status, sessionId, platformId, externalReferenceId, deliveryId, receivedAt } = event;
    const topic = `verification.${status.toLowerCase()}`;
    await this.broker.publish(topic, deliveryId, { sessionId, status, platformId, externalReferenceId, receivedAt });
  }
}
