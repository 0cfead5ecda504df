/** The handler activates an account and writes an outbox row in one transaction: both exactly once, or neither. */
import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Account, OutboxMessage } from './account.entity.js';
import { Accounts1795392000003 } from './account.migration.js';
import { Accounts } from './accounts.js';
import { database } from './database.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        ...database(),
        entities: [...cr3dentialsWebhookEntities, Account, OutboxMessage],
        migrations: [...cr3dentialsWebhookMigrations, Accounts1795392000003],
        migrationsRun: true,
      }),
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRootAsync({
      useFactory: () => ({
        auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] },
        processing: { lease: Number(process.env.LEASE_DURATION ?? 30_000) },
      }),
    }),
  ],
  providers: [Accounts],
})
export class AppModule {}
