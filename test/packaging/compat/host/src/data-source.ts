import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook/migrations';
import { DataSource } from 'typeorm';
import { Account } from './account.entity.js';
import { database } from './environment.js';
import { Accounts1795392000001 } from './migrations/1795392000001-accounts.js';

/** For the TypeORM command line. */
export default new DataSource({
  ...database(),
  entities: [Account, ...cr3dentialsWebhookEntities],
  migrations: [Accounts1795392000001, ...cr3dentialsWebhookMigrations],
});
