import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookInbox,
  OnVerification,
  VerificationCompleted,
  type HandlerContext,
  type InboxStats,
} from 'nestjs-cr3dentials-webhook';
import { Repository } from 'typeorm';
import { Account } from './account.entity.js';

@Injectable()
export class Accounts {
  // New: a handler in a provider of the app. The writes of `manager` take effect exactly once per session.
  @OnVerification(VerificationCompleted, { id: 'accounts.activate', transactional: true })
  async activate({ sessionId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Account, { sessionId, activations: 1 });
  }
}

@Controller('accounts')
export class AccountsController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly inbox: Cr3dentialsWebhookInbox, // New: every module can inject it
  ) {}

  @Get()
  all(): Promise<Account[]> {
    return this.accounts.find();
  }

  @Get('inbox')
  stats(): Promise<InboxStats> {
    return this.inbox.stats();
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([Account])],
  controllers: [AccountsController],
  providers: [Accounts],
})
export class AccountsModule {}
