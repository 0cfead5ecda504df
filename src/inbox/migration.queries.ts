import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql } from '../database/sql.js';
import { cr3dentialsWebhookMigrations } from './migrations/index.js';

const DEFAULT_TABLE = 'migrations';

/** Names as TypeORM writes them into its table. A bundler may rename classes. */
export const ownMigrations: readonly string[] = cr3dentialsWebhookMigrations.map((Migration) => new Migration().name);

/** Returns the host's table of migrations. It has no prefix: TypeORM gives it none. */
export function migrationsTableOf({ options, driver }: DataSource): string {
  const { schema } = options as { schema?: string };
  const path = [...(schema === undefined ? [] : [schema]), options.migrationsTableName ?? DEFAULT_TABLE];
  return path.map((part) => driver.escape(part)).join('.');
}

/**
 * Returns those of these migrations that the host's table calls run. Rejects if there is no such table, or the database
 * does not answer.
 */
export async function findRunMigrations(
  connection: DatabaseConnection,
  own: readonly string[] = ownMigrations,
): Promise<Set<string>> {
  const { hostDataSource: host, dialect } = connection;
  const { records } = await connection.execute(
    sql`SELECT name FROM ${raw(migrationsTableOf(host))} WHERE ${dialect.isOneOf('name', own)}`,
    'urgent',
  );
  return new Set(records.map(({ name }) => String(name)));
}

/** Reads from the host's table of migrations. */
@Injectable()
export class MigrationQueries {
  constructor(private readonly connection: DatabaseConnection) {}

  /**
   * Returns the migrations of this package that have not been run. None if the host has no table of migrations, or runs
   * ours by something else: the columns were checked at boot. Rejects if the database does not answer.
   *
   * @param own names of all migrations of this package
   */
  async missing(own: readonly string[] = ownMigrations): Promise<string[]> {
    const { hostDataSource: host } = this.connection;
    if (host.options.synchronize) return [];
    const run = await findRunMigrations(this.connection, own);
    const isRunByHost = run.size > 0 || host.migrations.some(({ name }) => name !== undefined && own.includes(name));
    return isRunByHost ? own.filter((name) => !run.has(name)) : [];
  }
}
