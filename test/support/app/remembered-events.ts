import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';

/** A handler that keeps what it is given, session by session. */
@Injectable()
export class RememberedEvents {
  readonly bySession = new Map<string, VerificationEvent>();

  @OnVerification({ id: 'remember' })
  remember(event: VerificationEvent): void {
    this.bySession.set(event.sessionId, event);
  }
}
