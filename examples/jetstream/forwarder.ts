import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { Stream } from './stream.js';

/** Forwards events to other services, without `extractedData`: the stream would keep it. */
@Injectable()
export class Forwarder {
  constructor(private readonly stream: Stream) {}

  /** Completes after the stream has confirmed the message. It is retried while NATS is down. */
  @OnVerification({ id: 'jetstream.forward' })
  async forward(event: VerificationEvent): Promise<void> {
    const { status, sessionId, platformId, externalReferenceId, deliveryId, receivedAt } = event;
    const subject = `verification.${status.toLowerCase()}`;
    await this.stream.publish(subject, deliveryId, { sessionId, status, platformId, externalReferenceId, receivedAt });
  }
}
