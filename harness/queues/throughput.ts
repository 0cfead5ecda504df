/**
 * Measures how many deliveries a second one process handles that wait in the inbox, with a handler that does nothing: in
 * the built-in worker, and by BullMQ. Prints both, and their ratio.
 */
import { Injectable, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { Cr3dentialsWebhookBullMqModule } from 'nestjs-cr3dentials-webhook/bullmq';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DataSource } from 'typeorm';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'postgres://postgres@127.0.0.1:5432/test' },
    redis: { type: 'string', default: '6379' },
    deliveries: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '100' },
  },
});
const { database: url, redis: port, ...numbers } = values;
const [deliveries, rounds, concurrency] = [numbers.deliveries, numbers.rounds, numbers.concurrency].map(Number) as [
  number,
  number,
  number,
];
const schema = `cr3d_speed_${randomBytes(4).toString('hex')}`;
const options = { type: 'postgres', url, schema, extra: { options: `-c search_path=${schema}` } } as const;
const entities = { entities: [...cr3dentialsWebhookEntities], migrations: [...cr3dentialsWebhookMigrations] };

@Injectable()
class Handlers {
  @OnVerification(VerificationCompleted, { id: 'nothing', queue: schema })
  handle(): void {}
}

@Module({})
class App {}

function appFor(processes: boolean, usesQueue: boolean): DynamicModule {
  const imports = [
    TypeOrmModule.forRoot({ ...options, ...entities }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      receive: !processes,
      auth: 'none',
      processing: { enabled: processes, concurrency, pollInterval: 100 },
    }),
    Cr3dentialsWebhookBullMqModule.forRoot({
      connection: { host: '127.0.0.1', port: Number(port) },
      queues: { [schema]: { concurrency } },
      enabled: usesQueue,
    }),
  ];
  return { module: App, imports, providers: [Handlers] };
}

/** Returns deliveries a second, from the first that has ended to the last. */
async function measure(usesQueue: boolean, dataSource: DataSource): Promise<number> {
  await dataSource.query(
    'TRUNCATE cr3dentials_webhook_delivery, cr3dentials_webhook_delivery_state, cr3dentials_webhook_handler_run',
  );
  const web = await NestFactory.create(appFor(false, false), { logger: ['error'] });
  await web.listen(0, '127.0.0.1');
  await post(`${await web.getUrl()}/webhook/cr3dentials`);
  await web.close();
  const worker = await NestFactory.createApplicationContext(appFor(true, usesQueue), { logger: ['error'] });
  const state = 'cr3dentials_webhook_delivery_state';
  for (;;) {
    const [row] = await dataSource.query<[{ n: string; first: string; last: string }]>(
      `SELECT COUNT(*) AS n, MIN(finished_at) AS first, MAX(finished_at) AS last FROM ${state} WHERE state = 'completed'`,
    );
    if (Number(row.n) === deliveries) {
      await worker.close();
      return (deliveries / (Number(row.last) - Number(row.first))) * 1_000;
    }
    await sleep(100);
  }
}

async function post(to: string): Promise<void> {
  let left = deliveries;
  const sender = async (): Promise<void> => {
    while (left-- > 0) {
      const body = { sessionId: randomUUID(), status: 'COMPLETED', platformId: 1, externalReferenceId: 'user' };
      const payload = {
        ...body,
        extractedData: {},
        proofHash: '9f2c',
        completedAt: '2025-03-24T12:05:00.000Z',
        metadata: {},
      };
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(to, { method: 'POST', body: JSON.stringify(payload), headers });
      if (answer.status !== 200) throw new Error(`Answered ${answer.status}.`);
      await answer.text();
    }
  };
  await Promise.all(Array.from({ length: 50 }, sender));
}

const admin = await new DataSource({ type: 'postgres', url }).initialize();
await admin.query(`CREATE SCHEMA ${schema}`);
const dataSource = await new DataSource({ ...options, ...entities }).initialize();
await dataSource.runMigrations();
const speeds = { builtIn: [] as number[], bullMq: [] as number[] };
for (let round = 0; round < rounds; round++) {
  speeds.builtIn.push(Math.round(await measure(false, dataSource)));
  speeds.bullMq.push(Math.round(await measure(true, dataSource)));
  process.stdout.write(`${JSON.stringify(speeds)}\n`);
}
const ratios = speeds.bullMq.map((speed, round) => (speed / (speeds.builtIn[round] ?? Infinity)).toFixed(2));
process.stdout.write(`BullMQ to built-in: ${ratios.join(', ')}\n`);
await dataSource.destroy();
await admin.query(`DROP SCHEMA ${schema} CASCADE`);
await admin.destroy();
