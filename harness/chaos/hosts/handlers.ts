import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { Effect } from '../../../test/support/app/effects.js';
import { killPoint } from './handler-events.js';
import { isSlow, nestedPartOf, type HandlerSet } from './host-settings.js';
import { runPlainHandler } from './host.module.js';

/** Longer than a lease, and than the timeout of such a handler. */
const NESTED_MS = 3_000;

@Injectable()
class PlainHandler {
  @OnVerification({ id: 'plain' })
  plain(event: VerificationEvent, context: HandlerContext): Promise<void> {
    return runPlainHandler(event, context);
  }
}

@Injectable()
class TransactionalHandler {
  @OnVerification({ id: 'effect', transactional: true })
  async effect({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
    killPoint('in a transaction');
  }
}

/** Writes half of its effect in its transaction, and half in one that it nests in it. Slow sessions are interrupted there. */
@Injectable()
class NestingHandler {
  @OnVerification({ id: 'effect', transactional: true })
  async effect({ sessionId }: VerificationEvent, { manager, attempt }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
    await manager.transaction(async (nested) => {
      await nested.insert(Effect, { sessionId: nestedPartOf(sessionId) });
      if (isSlow(sessionId) && attempt === 1) await sleep(NESTED_MS);
    });
  }
}

/** A handler of the next version. Its first attempt fails, so that instances without it see a run that they do not know. */
@Injectable()
class NewerHandler {
  @OnVerification({ id: 'newer' })
  newer(_: VerificationEvent, { attempt }: HandlerContext): void {
    if (attempt === 1) throw new Error('The first attempt of this handler fails.');
  }
}

/** The handlers of a host that keeps the promise. */
export const handlerSets = {
  usual: [TransactionalHandler, PlainHandler],
  newer: [TransactionalHandler, PlainHandler, NewerHandler],
  nesting: [NestingHandler, PlainHandler],
} satisfies Record<HandlerSet, unknown>;
