/**
 * A worker of the queue "reports" as a process of its own, to be killed. Its environment: DATABASE (TypeORM options as
 * JSON), REDIS_PORT, LEASE (milliseconds), CLOCK_AHEAD (milliseconds by which its clock is wrong), and what its handler
 * does by the reference of the session: "crash" ends the process, "slow" takes SLOW milliseconds.
 */
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  cr3dentialsWebhookEntities,
} from 'nestjs-cr3dentials-webhook';
import { Cr3dentialsWebhookBullMqModule } from 'nestjs-cr3dentials-webhook/bullmq';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSourceOptions } from 'typeorm';

const { DATABASE = '', REDIS_PORT = '', LEASE = '2000', CLOCK_AHEAD = '0', SLOW = '1000' } = process.env;

const now = Date.now;
Date.now = () => now() + Number(CLOCK_AHEAD);

@Injectable()
class Reports {
  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  async render({ externalReferenceId, sessionId }: VerificationCompleted): Promise<void> {
    process.send?.({ began: sessionId });
    if (externalReferenceId === 'slow') await sleep(Number(SLOW));
    if (externalReferenceId !== 'crash') return;
    await sleep(200); // others have begun
    process.kill(process.pid, 'SIGKILL');
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...(JSON.parse(DATABASE) as DataSourceOptions),
      entities: [...cr3dentialsWebhookEntities],
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      receive: false,
      auth: 'none',
      processing: { enabled: false, lease: Number(LEASE) },
    }),
    Cr3dentialsWebhookBullMqModule.forRoot({
      connection: { host: '127.0.0.1', port: Number(REDIS_PORT) },
      queues: { reports: { lockDuration: 1_000 } },
      requeueAfter: 30_000,
    }),
  ],
  providers: [Reports],
})
class AppModule {}

await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
process.on('disconnect', () => process.exit());
