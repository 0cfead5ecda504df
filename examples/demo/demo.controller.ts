import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { Cr3dentialsWebhookInbox, type InboxStats } from 'nestjs-cr3dentials-webhook';
import { Accounts } from './accounts.js';
import type { DemoAccount } from './demo-account.entity.js';

@Controller()
export class DemoController {
  constructor(
    private readonly accounts: Accounts,
    private readonly webhookInbox: Cr3dentialsWebhookInbox,
  ) {}

  @Get('accounts/:sessionId')
  async account(@Param('sessionId') sessionId: string): Promise<DemoAccount> {
    const account = await this.accounts.find(sessionId);
    if (!account) throw new NotFoundException(`No account has been activated for session ${sessionId}.`);
    return account;
  }

  @Get('accounts')
  all(): Promise<{ count: number; activations: number }> {
    return this.accounts.total();
  }

  @Get('inbox')
  inbox(): Promise<InboxStats> {
    return this.webhookInbox.stats();
  }
}
