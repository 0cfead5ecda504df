/**
 * Forwards verifications to a stream of NATS JetStream, which keeps them for every service that reads it. Each service
 * has a durable consumer, and acknowledges a message after its work is done.
 */
import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Forwarder } from './forwarder.js';
import { Stream } from './stream.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'better-sqlite3',
        database: process.env.DATABASE_PATH ?? 'jetstream.sqlite',
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
  providers: [Stream, Forwarder],
})
export class AppModule {}
