import { DataSource, type DataSourceOptions } from 'typeorm';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook/migrations';

const url = process.env.DATABASE_URL ?? '.demo/demo.sqlite';
const type = url.startsWith('postgres') ? 'postgres' : /^(mysql|mariadb):/.test(url) ? 'mariadb' : 'better-sqlite3';

/** The DataSource of the TypeORM command line, for our own migrations: `npm run typeorm -- migration:show`. */
export default new DataSource({
  type,
  ...(type === 'better-sqlite3' ? { database: url } : { url }),
  entities: [...cr3dentialsWebhookEntities],
  migrations: [...cr3dentialsWebhookMigrations],
} as DataSourceOptions);
