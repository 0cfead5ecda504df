import type { QueryRunner } from 'typeorm';

const LOCK_TIMEOUT_S = 60;
/** 64 bits of our own, as PostgreSQL names its advisory locks. */
const POSTGRES_KEY = '7164236115041537033';
/** Name of the lock on MySQL and MariaDB, whose locks are those of the whole server. */
const MYSQL_NAME = `CONCAT('cr3dentials_webhook.', MD5(DATABASE()))`;

/**
 * Runs a migration while no other instance runs one of ours. TypeORM takes no lock, so two instances that boot together
 * would both create what neither has found. SQLite has one writer.
 *
 * @param migrate must skip what is there already
 */
export async function withMigrationLock(queryRunner: QueryRunner, migrate: () => Promise<void>): Promise<void> {
  switch (queryRunner.connection.options.type) {
    case 'postgres':
      return onPostgres(queryRunner, migrate);
    case 'mysql':
    case 'mariadb':
      return onMySql(queryRunner, migrate);
    default:
      return migrate();
  }
}

/** The lock lasts as long as the transaction, so that the next instance finds what was committed. */
async function onPostgres(queryRunner: QueryRunner, migrate: () => Promise<void>): Promise<void> {
  const isOurs = !queryRunner.isTransactionActive; // migrationsTransactionMode is "none"
  if (isOurs) await queryRunner.startTransaction();
  try {
    await queryRunner.query(`SELECT pg_advisory_xact_lock(${POSTGRES_KEY})`);
    await migrate();
    if (isOurs) await queryRunner.commitTransaction();
  } catch (error) {
    if (isOurs) await queryRunner.rollbackTransaction().catch(() => {}); // the first error is the cause
    throw error;
  }
}

/** Each `CREATE TABLE` is committed at once. A cluster of Galera has no such locks, and migrates without one. */
async function onMySql(queryRunner: QueryRunner, migrate: () => Promise<void>): Promise<void> {
  await queryRunner.query(`SELECT GET_LOCK(${MYSQL_NAME}, ${LOCK_TIMEOUT_S})`).catch(() => {});
  try {
    await migrate();
  } finally {
    await queryRunner.query(`SELECT RELEASE_LOCK(${MYSQL_NAME})`).catch(() => {});
  }
}
