import type { DataSource } from 'typeorm';
import { cr3dentialsWebhookMigrations } from './index.js';

/**
 * Sets up our schema if the host lets TypeORM synchronise its own. It runs the migrations, which know the types that
 * fit each database.
 */
export async function migrateIfHostSynchronizes(host: DataSource): Promise<void> {
  if (!host.options.synchronize) return;
  const runner = host.createQueryRunner();
  try {
    await runner.startTransaction();
    for (const Migration of cr3dentialsWebhookMigrations) await new Migration().up(runner);
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction().catch(() => {}); // the first error is the cause
    throw error;
  } finally {
    await runner.release();
  }
}
