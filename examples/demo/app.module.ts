import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Cr3dentialsWebhookDashboardModule } from 'nestjs-cr3dentials-webhook/dashboard';
import { promClient } from 'nestjs-cr3dentials-webhook/prom-client';
import { Cr3dentialsWebhookHealthModule } from 'nestjs-cr3dentials-webhook/terminus';
import { Accounts } from './accounts.js';
import { DemoAccount } from './demo-account.entity.js';
import { DemoAccounts1795392000001 } from './demo-account.migration.js';
import { DemoController } from './demo.controller.js';
import { database, encryption, secret } from './environment.js';
import { EventPrinter } from './event-printer.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';

/** The operator's page, for this machine only. An app of yours names its guards, and who is behind a request. */
const page =
  process.env.NODE_ENV === 'production'
    ? []
    : [
        Cr3dentialsWebhookDashboardModule.forRoot({
          path: 'ops/inbox',
          access: 'public-on-loopback',
          environment: 'demo',
        }),
      ];

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
    Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [secret] }, encryption, telemetry: promClient() }),
    ...page,
    Cr3dentialsWebhookHealthModule,
  ],
  controllers: [DemoController, HealthController, MetricsController],
  providers: [Accounts, EventPrinter],
})
export class AppModule {}
