import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { Effect } from '../../../test/support/app/effects.js';
import { killPoint } from './handler-events.js';
import { runPlainHandler, startHost } from './host.module.js';

@Injectable()
class Handlers {
  @OnVerification({ id: 'effect', transactional: true })
  async effect({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
    killPoint('in a transaction');
  }

  @OnVerification({ id: 'plain' })
  plain(event: VerificationEvent, context: HandlerContext): Promise<void> {
    return runPlainHandler(event, context);
  }
}

await startHost(Handlers);
