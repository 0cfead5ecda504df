import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { Repository } from 'typeorm';
import { DemoAccount } from './demo-account.entity.js';

@Injectable()
export class Accounts {
  constructor(@InjectRepository(DemoAccount) private readonly accounts: Repository<DemoAccount>) {}

  /** Adds 1 exactly once per session. Writes of the manager commit together with the handler's completion. */
  @OnVerification(VerificationCompleted, { id: 'accounts.activate', transactional: true })
  async activate({ sessionId, status }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    const account = await manager.findOneBy(DemoAccount, { sessionId });
    if (account) await manager.increment(DemoAccount, { sessionId }, 'activations', 1);
    else await manager.insert(DemoAccount, { sessionId, status, activations: 1 });
  }

  find(sessionId: string): Promise<DemoAccount | null> {
    return this.accounts.findOneBy({ sessionId });
  }

  async total(): Promise<{ count: number; activations: number }> {
    const [count, activations] = await Promise.all([this.accounts.count(), this.accounts.sum('activations')]);
    return { count, activations: Number(activations ?? 0) };
  }
}
