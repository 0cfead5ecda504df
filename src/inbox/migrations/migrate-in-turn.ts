import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';

/** Locks of the session, other than those of our migrations, which other sessions take meanwhile. */
const TRY_LOCK = {
  postgres: `SELECT CASE WHEN pg_try_advisory_lock(7164236115041537034) THEN 1 ELSE 0 END AS locked`,
  mysql: `SELECT GET_LOCK(CONCAT('cr3dentials_webhook.turn.', MD5(DATABASE())), 0) AS locked`,
};
/** A session that waits in a lock would stop `CREATE INDEX CONCURRENTLY`, so the lock is asked for again and again. */
const POLL_MS = 100;
const MAX_WAIT_MS = 600_000;
/** Times that SQLite is tried, which has no such lock. */
const SQLITE_TRIES = 10;
const MET_ANOTHER = /already exists|locked|UNIQUE/i;

/**
 * Initializes a DataSource and runs its pending migrations, yours and ours, while no other instance does so with this
 * function. TypeORM takes no lock, so instances that start together on an empty database may fail. The first one
 * migrates, and the others find nothing to do. Use it as `dataSourceFactory` of `TypeOrmModule.forRootAsync()`, or in a
 * script of the deployment.
 *
 * @param dataSource initialized or not; one more connection is opened with its options, for the time of the migrations
 * @returns the DataSource, initialized
 * @throws Cr3dentialsWebhookError `SCHEMA_INCOMPLETE` if another instance has migrated for ten minutes
 * @throws what initializing or a migration throws
 * @publicApi
 */
export async function migrateInTurn(dataSource: DataSource): Promise<DataSource> {
  const { type, migrationsTransactionMode } = dataSource.options;
  const migrate = async (): Promise<void> => {
    if (!dataSource.isInitialized) await dataSource.initialize();
    await dataSource.runMigrations({ transaction: migrationsTransactionMode });
  };
  if (type === 'postgres') await withLock(dataSource.options, TRY_LOCK.postgres, migrate);
  else if (type === 'mysql' || type === 'mariadb') await withLock(dataSource.options, TRY_LOCK.mysql, migrate);
  else await withRetries(migrate);
  return dataSource;
}

/** The lock is the session's, so it ends with its connection, however the process ends. */
async function withLock(options: DataSourceOptions, tryLock: string, work: () => Promise<void>): Promise<void> {
  const beside = await new DataSource({
    ...options,
    entities: [],
    migrations: [],
    subscribers: [],
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
    installExtensions: false,
  } as DataSourceOptions).initialize();
  const runner = beside.createQueryRunner('master');
  try {
    await lock(runner, tryLock);
    await work();
  } finally {
    await runner.release();
    await beside.destroy();
  }
}

async function lock(runner: QueryRunner, tryLock: string): Promise<void> {
  const giveUpAt = performance.now() + MAX_WAIT_MS;
  while (performance.now() < giveUpAt) {
    const [row] = (await runner.query(tryLock)) as { locked: number | string | null }[];
    if (Number(row?.locked) === 1) return;
    await sleep(POLL_MS);
  }
  throw new Cr3dentialsWebhookError(
    'SCHEMA_INCOMPLETE',
    'Another instance has been running migrations for ten minutes. End it if it hangs, and start this one again.',
  );
}

async function withRetries(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === SQLITE_TRIES || !MET_ANOTHER.test(String(error))) throw error;
      await sleep(Math.random() * POLL_MS * tries);
    }
  }
}
