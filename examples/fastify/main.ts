import { Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
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
  private readonly logger = new Logger(Accounts.name);

  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  activate({ sessionId }: VerificationCompleted): void {
    this.logger.log(`Activated the account of session ${sessionId}`);
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE_PATH ?? 'fastify.sqlite',
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] } }),
  ],
  providers: [Accounts],
})
export class AppModule {}

const adapter = new FastifyAdapter({ bodyLimit: 262_144 }); // bytes; 1 MiB unless you set it
const app = await NestFactory.create<NestFastifyApplication>(AppModule, adapter, { rawBody: true });
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, process.env.HOST ?? '127.0.0.1'); // in a container, HOST=0.0.0.0
