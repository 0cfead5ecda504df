/**
 * Starts a workflow of Temporal for each verification, by an id that is made of the delivery's: Temporal has one workflow
 * for it, however often the handler runs.
 */
import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { temporalClient } from './temporal.client.js';
import { Verifications } from './verifications.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'better-sqlite3',
        database: process.env.DATABASE_PATH ?? 'temporal.sqlite',
        entities: [...cr3dentialsWebhookEntities],
        migrations: [...cr3dentialsWebhookMigrations],
        migrationsRun: true,
      }),
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRootAsync({
      useFactory: () => ({
        auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] },
        processing: { retry: { attempts: 20, initialDelay: 200, maxDelay: 600_000 } },
      }),
    }),
  ],
  providers: [temporalClient, Verifications],
})
export class AppModule {}
