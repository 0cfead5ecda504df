import { DataSource, type DataSourceOptions } from 'typeorm';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from '../../../src/inbox/migrations/index.js';
import type { SqliteDatabase } from './sqlite.js';

/** Rows that transactional handlers write. */
const EFFECTS_TABLE =
  'CREATE TABLE effect (id varchar(64) PRIMARY KEY, session varchar(64), handler varchar(64), content varchar(64), part varchar(16))';

/** Makes the tables of the migrations, and one for the effects of handlers. */
export async function createTables(options: DataSourceOptions): Promise<DataSource> {
  const migrated = new DataSource({
    ...options,
    entities: [...cr3dentialsWebhookEntities],
    migrations: [...cr3dentialsWebhookMigrations],
    migrationsRun: true,
  } as DataSourceOptions);
  await migrated.initialize();
  await migrated.query('DROP TABLE "migrations"');
  await migrated.query(EFFECTS_TABLE);
  return migrated;
}

/** Opens a database in memory with all tables. */
export async function openMemory(): Promise<SqliteDatabase> {
  const { driver } = await createTables({ type: 'better-sqlite3', database: ':memory:' });
  return (driver as unknown as { databaseConnection: SqliteDatabase }).databaseConnection;
}
