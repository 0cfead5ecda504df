import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from '../../../dist/index.js';
import { Handled, setting } from '../contenders/contender.js';
import { OursModule } from '../contenders/ours.module.js';
import { UNFINISHED, insertDeliveries } from '../deliveries.sql.js';
import { connect, count, drain, settle } from './engine.js';

const concurrency = Number(process.argv[3]) || undefined;
const database = await connect();
let app: INestApplication | undefined;

await drain({
  async fill(jobs, handle) {
    await migrate();
    await insertDeliveries(database, 'pending', jobs);
    await settle(database);
    const options = concurrency ? { processing: { concurrency } } : {};
    app = await NestFactory.create(OursModule.with(new Handled(handle), options), { logger: false });
    app.enableShutdownHooks();
  },
  // Its worker opens when the host's bootstrap is over.
  open: async () => app?.init(),
  remaining: () => count(database, `cr3dentials_webhook_delivery_state WHERE ${UNFINISHED}`),
  async close() {
    await app?.close();
    await database.destroy();
  },
});

async function migrate(): Promise<void> {
  const schema = new DataSource({
    ...setting().database,
    entities: [...cr3dentialsWebhookEntities],
    migrations: [...cr3dentialsWebhookMigrations],
    migrationsRun: true,
  });
  await schema.initialize();
  await schema.destroy();
}
