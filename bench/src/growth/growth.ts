import { contenders, type Contender } from '../contenders/index.js';
import { DataSource } from 'typeorm';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from '../../../dist/index.js';
import { freshDatabase, type FreshDatabase } from '../database.js';
import { withContender, type ContenderProcess } from '../processes.js';

export const CONNECTIONS = 64;
/** It keeps nothing in Redis. */
export const PREFIX = '';
export const TABLE = 'cr3dentials_webhook_delivery_state';

/** Growth is that of this module on Express. */
export const ours = contenders[0] as Contender;

/** An inbox that nobody has open. */
export async function emptyInbox(): Promise<FreshDatabase> {
  const database = await freshDatabase('postgres');
  const schema = new DataSource({
    ...database.options,
    entities: [...cr3dentialsWebhookEntities],
    migrations: [...cr3dentialsWebhookMigrations],
    migrationsRun: true,
  });
  await schema.initialize();
  await schema.destroy();
  return database;
}

/** A process with an inbox of its own, until the work is over. */
export async function withOurs<T>(
  work: (contender: ContenderProcess, connection: DataSource) => Promise<T>,
): Promise<T> {
  const { options: database, connection, drop } = await emptyInbox();
  try {
    return await withContender(ours.program, { database, prefix: PREFIX }, (contender) => work(contender, connection));
  } finally {
    await drop();
  }
}
