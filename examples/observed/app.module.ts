import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { openTelemetry } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { Cr3dentialsWebhookHealthModule } from 'nestjs-cr3dentials-webhook/terminus';
import { Accounts } from '../demo/accounts.js';
import { DemoAccount } from '../demo/demo-account.entity.js';
import { DemoAccounts1795392000001 } from '../demo/demo-account.migration.js';
import { DemoController } from '../demo/demo.controller.js';
import { database } from '../demo/environment.js';
import { EventPrinter } from '../demo/event-printer.js';
import { HealthController } from '../demo/health.controller.js';
import { isProcessing, secrets } from './environment.js';

/** The demo, with the metrics and the traces of OpenTelemetry. */
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
    Cr3dentialsWebhookModule.forRoot({
      auth: { secrets },
      processing: { enabled: isProcessing },
      telemetry: openTelemetry(),
    }),
    Cr3dentialsWebhookHealthModule,
  ],
  controllers: [DemoController, HealthController],
  providers: [Accounts, EventPrinter],
})
export class AppModule {}
