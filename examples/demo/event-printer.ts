import { Injectable, Logger } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { failRate } from './environment.js';

@Injectable()
export class EventPrinter {
  private readonly logger = new Logger('Demo');

  @OnVerification({ id: 'demo.print' })
  print({ sessionId, status }: VerificationEvent, { attempt }: HandlerContext): void {
    if (Math.random() < failRate) throw new Error('DEMO_FAIL_RATE made this attempt fail.');
    this.logger.log(`${status} for session ${sessionId} (attempt ${attempt})`);
  }
}
