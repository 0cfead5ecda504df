/**
 * Writes a row of an outbox for each verification, in the handler's transaction. Debezium reads the rows from the log of
 * PostgreSQL, and publishes them to Kafka: the app has no connection to it.
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
import { OutboxMessage } from './outbox.entity.js';
import { Outbox1795392000004 } from './outbox.migration.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'postgres',
        url: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
        entities: [...cr3dentialsWebhookEntities, OutboxMessage],
        migrations: [...cr3dentialsWebhookMigrations, Outbox1795392000004],
        migrationsRun: true,
      }),
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRootAsync({
      useFactory: () => ({ auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] } }),
    }),
  ],
  providers: [Forwarder],
})
export class AppModule {}
