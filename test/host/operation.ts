/**
 * A process that does one thing to an inbox, as an operator asks for it, to be killed meanwhile. It is told by the
 * environment: DATABASE and OPTIONS (of TypeORM and of the module, as JSON), OPERATION and SUBJECT, and MOMENT: before or
 * after which statement it ends itself with SIGKILL, 0 for never. It prints how many moments there were.
 */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  type Cr3dentialsWebhookOptions,
  type ErasureSubject,
} from 'nestjs-cr3dentials-webhook';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSourceOptions } from 'typeorm';
import { onStatements } from './kill-points.js';

const { DATABASE = '', OPTIONS = '{}', OPERATION = '', SUBJECT = '{}', MOMENT = '0' } = process.env;

/** Moments since the operation began. */
let moments: number | undefined;

onStatements(() => {
  if (moments !== undefined && ++moments === Number(MOMENT)) process.kill(process.pid, 'SIGKILL');
});

@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...(JSON.parse(DATABASE) as DataSourceOptions),
      entities: [...cr3dentialsWebhookEntities],
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      auth: 'none',
      processing: { enabled: false },
      ...(JSON.parse(OPTIONS) as Partial<Cr3dentialsWebhookOptions>),
    }),
  ],
})
class OperationModule {}

const operations: Record<string, (inbox: Cr3dentialsWebhookInbox) => Promise<unknown>> = {
  reseal: (inbox) => inbox.encryption.reseal(),
  purge: (inbox) => inbox.retention.run(),
  bulk: async ({ bulk }) => {
    while ((await bulk.list({ state: 'running' })).length > 0) await sleep(50);
  },
  erase: (inbox) => inbox.erase(JSON.parse(SUBJECT) as ErasureSubject),
};

const app = await NestFactory.createApplicationContext(OperationModule, { logger: ['error'] });
moments = 0;
const result = await operations[OPERATION]?.(app.get(Cr3dentialsWebhookInbox));
writeSync(1, `${JSON.stringify({ moments, result })}\n`);
process.exit();
