import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { IsString } from 'class-validator';
import { Cr3dentialsWebhookInbox, type DeliveryDetails } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { Account } from './account.entity.js';
import { Accounts, type Call } from './accounts.js';
import { dataSource } from './environment.js';

export class NewAccount {
  @IsString()
  sessionId!: string;
}

@Controller('accounts')
export class AccountsController {
  constructor(
    private readonly accounts: Accounts,
    private readonly inbox: Cr3dentialsWebhookInbox,
    @InjectDataSource(dataSource) private readonly database: DataSource,
  ) {}

  /** What has come of a session. */
  @Get(':sessionId')
  async find(@Param('sessionId') sessionId: string): Promise<{
    delivery: DeliveryDetails | null;
    activations: number;
    calls: Call[];
  }> {
    const account = await this.database.getRepository(Account).findOneBy({ sessionId });
    return {
      delivery: await this.inbox.find({ sessionId }),
      activations: account?.activations ?? 0,
      calls: this.accounts.calls.filter((call) => call.sessionId === sessionId),
    };
  }

  @Post()
  create(@Body() { sessionId }: NewAccount): { sessionId: string } {
    return { sessionId };
  }
}
