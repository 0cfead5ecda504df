import type { DataSource } from 'typeorm';
import type { TestDatabase } from './databases.js';

/** Holds the inbox's tables of deliveries against every write, from a connection beside the app's, until it is let go. */
export async function holdInbox({ kind }: TestDatabase, beside: DataSource): Promise<() => Promise<void>> {
  const runner = beside.createQueryRunner();
  const [hold, unlock] = {
    sqlite: [['BEGIN IMMEDIATE'], 'ROLLBACK'] as const,
    postgres: [
      ['BEGIN', 'LOCK TABLE cr3dentials_webhook_delivery, cr3dentials_webhook_delivery_state IN SHARE MODE'],
      'ROLLBACK',
    ] as const,
    mariadb: [
      ['LOCK TABLES cr3dentials_webhook_delivery READ, cr3dentials_webhook_delivery_state READ'],
      'UNLOCK TABLES',
    ] as const,
  }[kind];
  for (const statement of hold) await runner.query(statement);
  return async () => {
    await runner.query(unlock);
    await runner.release();
  };
}
