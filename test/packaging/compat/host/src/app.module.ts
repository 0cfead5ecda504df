import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Account } from './account.entity.js';
import { AccountsController } from './accounts.controller.js';
import { Accounts } from './accounts.js';
import { dataSource, database, entities, secret } from './environment.js';
import { Envelope, Public, TokenGuard } from './global.js';
import { Accounts1795392000001 } from './migrations/1795392000001-accounts.js';

/** The ways in which hosts tell TypeORM what there is. */
const ways: Record<string, Pick<TypeOrmModuleOptions, 'autoLoadEntities' | 'entities' | 'migrations'>> = {
  list: {
    entities: [Account, ...cr3dentialsWebhookEntities],
    migrations: [Accounts1795392000001, ...cr3dentialsWebhookMigrations],
  },
  autoload: { autoLoadEntities: true, migrations: [Accounts1795392000001, ...cr3dentialsWebhookMigrations] },
  globs: { entities: ['dist/**/*.entity.js'], migrations: ['dist/migrations/*.js'] },
};

@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...database(),
      ...ways[entities],
      name: dataSource,
      migrationsRun: process.env.MIGRATIONS_RUN !== 'false',
    }),
    TypeOrmModule.forFeature([Account], dataSource),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      auth: { secrets: [secret] },
      dataSource,
      controllerDecorators: [Public()],
      processing: { retry: { attempts: 3, initialDelay: 10 }, pollInterval: 20, drainTimeout: 500 },
    }),
  ],
  controllers: [AccountsController],
  providers: [Accounts, { provide: APP_GUARD, useClass: TokenGuard }, { provide: APP_INTERCEPTOR, useClass: Envelope }],
})
export class AppModule {}
