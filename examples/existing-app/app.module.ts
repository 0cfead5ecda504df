import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Cr3dentialsWebhookModule, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { AccountsModule } from './accounts.module.js';
import { Accounts1795392000004 } from './migrations/1795392000004-accounts.js';
import { Public, TokenGuard } from './token.guard.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE_PATH ?? 'existing-app.sqlite',
      autoLoadEntities: true, // finds the entities of this package, too
      migrations: [Accounts1795392000004, ...cr3dentialsWebhookMigrations], // New: the second part
      migrationsRun: true,
    }),
    EventEmitterModule.forRoot(), // New, unless the app has it
    Cr3dentialsWebhookModule.forRoot({
      auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] },
      controllerDecorators: [Public()], // your own decorator, for your own global guard
    }), // New
    AccountsModule,
  ],
  providers: [{ provide: APP_GUARD, useClass: TokenGuard }],
})
export class AppModule {}
