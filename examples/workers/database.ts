import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { DataSource, type DataSourceOptions } from 'typeorm';

const url = process.env.DATABASE_URL ?? 'workers.sqlite';

export const isPostgres = url.startsWith('postgres');

export const database: DataSourceOptions = {
  ...location(),
  entities: [...cr3dentialsWebhookEntities],
  migrations: [...cr3dentialsWebhookMigrations],
};

function location() {
  if (isPostgres) return { type: 'postgres', url } as const;
  if (url.startsWith('mariadb')) return { type: 'mariadb', url } as const;
  return { type: 'better-sqlite3', database: url } as const; // both apps must be on one machine then
}

/** Runs before either app, once: TypeORM has no lock between two apps that migrate at the same time. */
export async function migrate(): Promise<void> {
  const connection = await new DataSource(database).initialize();
  await connection.runMigrations();
  await connection.destroy();
}
