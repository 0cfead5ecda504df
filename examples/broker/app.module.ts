/**
 * Forwards verifications to RabbitMQ, so that other services can subscribe. Each service binds a durable queue to the
 * topic exchange, and acknowledges a message after its work is done (`noAck: false`).
 */
import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Broker } from './broker.js';
import { Forwarder } from './forwarder.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'better-sqlite3',
        database: process.env.DATABASE_PATH ?? 'broker.sqlite',
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
  providers: [Broker, Forwarder],
})
export class AppModule {}
