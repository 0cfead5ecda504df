import { Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';

@Injectable()
export class Accounts {
  private readonly logger = new Logger(Accounts.name);

  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  activate({ sessionId }: VerificationCompleted): void {
    this.logger.log(`Activated the account of session ${sessionId}`);
  }

  // Several events, one handler. What it throws makes it run again later, with backoff.
  @OnVerification(VerificationErrored, VerificationCancelled, {
    id: 'accounts.release-hold',
  })
  releaseHold({
    sessionId,
    status,
  }: VerificationErrored | VerificationCancelled): void {
    this.logger.log(`Released the hold of session ${sessionId}: ${status}`);
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3', // or type: 'postgres', url: process.env.DATABASE_URL
      database: process.env.DATABASE_PATH ?? 'accounts.sqlite',
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      auth: { header: 'X-API-Key', secrets: [process.env.CR3D_WEBHOOK_SECRET] },
    }),
  ],
  providers: [Accounts],
})
export class AppModule {}

async function bootstrap(): Promise<void> {
  const app = await NestFactory.create(AppModule, { rawBody: true }); // bodies are stored byte for byte
  app.enableShutdownHooks(); // SIGTERM lets handlers finish
  await app.listen(process.env.PORT ?? 3000);
}

void bootstrap();
