/** One instance of an app with handlers here and in two queues. It is killed, frozen and started again. */
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  cr3dentialsWebhookEntities,
  type HandlerContext,
} from 'nestjs-cr3dentials-webhook';
import { Cr3dentialsWebhookBullMqModule } from 'nestjs-cr3dentials-webhook/bullmq';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, DataSourceOptions, EntityManager } from 'typeorm';
import { applyControl } from './controls.js';

const { ROLE, CONTROL = '', REDIS_PORT = '', DATABASE = '{}' } = process.env;
const options = JSON.parse(DATABASE) as DataSourceOptions;
const LEASE_MS = 3_000;
/** A control takes away what else would find lost jobs: none comes back before the campaign has given up. */
const REQUEUE_MS = CONTROL === 'no-recovery' ? 3_600_000 : 10_000;

@Injectable()
export class Handlers {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  @OnVerification(VerificationCompleted, { id: 'here' })
  async here({ deliveryId }: VerificationCompleted): Promise<void> {
    if (Math.random() < 0.1) throw new Error('no');
    await takeEffect(this.dataSource.manager, 'here', deliveryId);
  }

  @OnVerification(VerificationCompleted, { id: 'plain', queue: 'plain' })
  async plain({ deliveryId }: VerificationCompleted): Promise<void> {
    await sleep(5 + Math.random() * 40);
    if (Math.random() < 0.2) throw new Error('no');
    await takeEffect(this.dataSource.manager, 'plain', deliveryId);
  }

  @OnVerification(VerificationCompleted, { id: 'once', queue: 'once', transactional: true })
  async once({ deliveryId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    await takeEffect(manager, 'once', deliveryId);
    await sleep(Math.random() * 60);
    if (Math.random() < 0.1) throw new Error('no');
  }
}

async function takeEffect(manager: EntityManager, kind: string, deliveryId: string): Promise<void> {
  await manager.query(`INSERT INTO effects (kind, delivery) VALUES ('${kind}', '${deliveryId}')`);
}

const isWeb = ROLE === 'web';

@Module({
  imports: [
    TypeOrmModule.forRoot({ ...options, entities: [...cr3dentialsWebhookEntities], retryAttempts: 0 }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      receive: isWeb,
      auth: 'none',
      processing: {
        enabled: isWeb,
        lease: LEASE_MS,
        pollInterval: 100,
        retry: { initialDelay: 20, maxDelay: 200, attempts: 100 },
      },
    }),
    Cr3dentialsWebhookBullMqModule.forRoot({
      connection: { host: '127.0.0.1', port: Number(REDIS_PORT), socketTimeout: 8_000 },
      queues: { plain: { lockDuration: LEASE_MS }, once: { lockDuration: LEASE_MS } },
      requeueAfter: REQUEUE_MS,
      work: !isWeb,
    }),
  ],
  providers: [Handlers],
})
class AppModule {}

await applyControl(CONTROL);
const logger = process.env.VERBOSE ? undefined : (['error'] as ['error']);
const app = await NestFactory.create(AppModule, logger ? { logger } : {});
await app.listen(0, '127.0.0.1');
process.send?.({ url: await app.getUrl() });
process.on('disconnect', () => process.exit());
