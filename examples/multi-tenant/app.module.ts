/**
 * One app for many tenants. Each tenant has its own route, and its own secrets in the database.
 * The same session id of two tenants is two deliveries, not a duplicate.
 */
import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Accounts } from './accounts.js';
import { TenantSecret } from './tenant-secret.entity.js';
import { TenantSecrets1795392000002 } from './tenant-secret.migration.js';
import { TenantSecrets, TenantSecretsModule } from './tenant-secrets.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'better-sqlite3',
        database: process.env.DATABASE_PATH ?? 'multi-tenant.sqlite',
        entities: [...cr3dentialsWebhookEntities, TenantSecret],
        migrations: [...cr3dentialsWebhookMigrations, TenantSecrets1795392000002],
        migrationsRun: true,
      }),
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRootAsync({
      path: 'tenants/:tenant/webhook/cr3dentials',
      imports: [TenantSecretsModule],
      useExisting: TenantSecrets,
    }),
  ],
  providers: [Accounts],
})
export class AppModule {}
