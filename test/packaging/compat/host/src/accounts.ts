import { Injectable } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import {
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  VerificationTerminated,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { Account } from './account.entity.js';

/** What a handler was called with. */
export interface Call {
  readonly by: string;
  readonly sessionId: string;
  readonly attempt?: number;
  readonly holder?: unknown;
}

@Injectable()
export class Accounts {
  readonly calls: Call[] = [];

  @OnVerification(VerificationCompleted, { id: 'accounts.activate', transactional: true })
  async activate({ sessionId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    const account = await manager.findOneBy(Account, { sessionId });
    if (account) await manager.increment(Account, { sessionId }, 'activations', 1);
    else await manager.insert(Account, { sessionId, activations: 1 });
  }

  @OnVerification({ id: 'accounts.note' })
  note(event: VerificationEvent): void {
    const holder = event instanceof VerificationCompleted ? event.extractedData?.accountHolder : undefined;
    this.calls.push({ by: 'note', sessionId: event.sessionId, holder });
  }

  /** Succeeds at the second attempt. */
  @OnVerification(VerificationErrored, VerificationCancelled, { id: 'accounts.release' })
  release({ sessionId }: VerificationErrored | VerificationCancelled, { attempt }: HandlerContext): void {
    this.calls.push({ by: 'release', sessionId, attempt });
    if (attempt === 1) throw new Error('The ledger is closed.');
  }

  /** With HOLD, it is under way when the app is told to end. */
  @OnVerification(VerificationTerminated, { id: 'accounts.end' })
  async end({ sessionId }: VerificationTerminated, { attempt, signal }: HandlerContext): Promise<void> {
    if (process.env.HOLD === 'true') {
      console.log(`Holding ${sessionId}`);
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('It has ended.'))));
    }
    this.calls.push({ by: 'end', sessionId, attempt });
  }

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  listen({ sessionId }: VerificationCompleted): void {
    this.calls.push({ by: 'listen', sessionId });
  }
}
