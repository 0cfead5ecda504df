import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Accounts } from './accounts.js';
import { DemoAccount } from './demo-account.entity.js';
import { DemoAccounts1795392000001 } from './demo-account.migration.js';
import { DemoController } from './demo.controller.js';
import { database, encryption, secret } from './environment.js';
import { EventPrinter } from './event-printer.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...database(),
      entities: [...cr3dentialsWebhookEntities, DemoAccount],
      migrations: [...cr3dentialsWebhookMigrations, DemoAccounts1795392000001],
      migrationsRun: true,
    }),
    TypeOrmModule.forFeature([DemoAccount]),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [secret] }, encryption }),
  ],
  controllers: [DemoController],
  providers: [Accounts, EventPrinter],
})
export class AppModule {}
