/**
 * One app for many tenants, each with keys of its own from a key service. What a tenant has sent is unreadable, in every
 * backup too, once its keys are destroyed.
 */
import { Injectable, Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { WrappedKey } from './wrapped-key.entity.js';
import { WrappedKeys1795392000006 } from './wrapped-key.migration.js';
import { WrappedKeys, WrappedKeysModule } from './wrapped-keys.js';

@Injectable()
export class Accounts {
  readonly activated: string[] = [];

  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  activate({ sessionId }: VerificationCompleted): void {
    this.activated.push(sessionId);
  }
}

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'better-sqlite3',
        database: process.env.DATABASE_PATH ?? 'kms.sqlite',
        entities: [...cr3dentialsWebhookEntities, WrappedKey],
        migrations: [...cr3dentialsWebhookMigrations, WrappedKeys1795392000006],
        migrationsRun: true,
      }),
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRootAsync({
      path: 'tenants/:tenant/webhook/cr3dentials',
      imports: [WrappedKeysModule],
      inject: [WrappedKeys],
      useFactory: (keyProvider: WrappedKeys) => ({
        auth: {
          // multi-tenant is the example for secrets: here, all tenants of the list have one.
          resolveSecrets: ({ params: { tenant = '' } }) =>
            ['acme', 'globex'].includes(tenant)
              ? { tenant, secrets: [process.env.CR3D_WEBHOOK_SECRET ?? ''] }
              : undefined,
        },
        encryption: { keyProvider },
      }),
    }),
  ],
  providers: [Accounts],
})
export class AppModule {}
