import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { Effect } from '../../support/app/effects.js';
import { passBy } from './facts.js';
import { serve, witness } from './host.module.js';

@Injectable()
class Handlers {
  @OnVerification({ id: 'effect', transactional: true })
  async effect({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
    passBy('in a transaction');
  }

  @OnVerification({ id: 'witness' })
  witness(event: VerificationEvent, context: HandlerContext): Promise<void> {
    return witness(event, context);
  }
}

await serve(Handlers);
