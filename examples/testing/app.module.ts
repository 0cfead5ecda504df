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

@Injectable()
export class Accounts {
  /** Ids of the sessions, in the order of activation. */
  readonly activated: string[] = [];

  @OnVerification(VerificationCompleted)
  activate({ sessionId }: VerificationCompleted): void {
    this.activated.push(sessionId);
  }
}

/** An app whose database is in memory in tests. */
@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE_PATH ?? ':memory:',
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRootAsync({
      useFactory: () => ({
        auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] },
      }),
    }),
  ],
  providers: [Accounts],
})
export class AppModule {}
