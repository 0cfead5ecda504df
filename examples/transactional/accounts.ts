import { Injectable } from '@nestjs/common';
import { OnVerification, PermanentError, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { Account, OutboxMessage } from './account.entity.js';

@Injectable()
export class Accounts {
  /**
   * Both rows commit together with the completion of this handler, so they are written exactly once per session.
   * Anything that is not written with `manager` happens at least once. So this handler does nothing else.
   */
  @OnVerification(VerificationCompleted, { id: 'accounts.activate', transactional: true })
  async activate(
    { externalReferenceId, sessionId }: VerificationCompleted,
    { manager }: HandlerContext,
  ): Promise<void> {
    if (externalReferenceId === null) throw new PermanentError('The session was created without a reference.');
    const { affected } = await manager.increment(Account, { reference: externalReferenceId }, 'activations', 1);
    if (affected === 0) throw new Error('The account is not there yet.'); // the handler is retried
    const content = JSON.stringify({ reference: externalReferenceId, sessionId });
    await manager.insert(OutboxMessage, { topic: 'account.activated', content });
  }
}
