import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { DatabaseKind } from '../../test/support/database/databases.js';
import { withConnection, type DatabaseUnderTest } from './database-under-test.js';

const POLL_INTERVAL_MS = 200;
/** Longer than a server takes to notice that a machine has vanished. */
const TIMEOUT_MS = 8_000;

/** Count transactions that do nothing for a second: those of a host that works end in milliseconds. */
const count: Record<Exclude<DatabaseKind, 'sqlite'>, string> = {
  postgres: `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '1 second'`,
  mariadb: `SELECT count(*) AS n FROM information_schema.innodb_trx t
    JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
    WHERE p.db = database() AND p.command = 'Sleep' AND p.time >= 1`,
};

/** Waits until no connection is idle in a transaction, and returns how many still are when that takes too long. */
export function waitForOpenTransactions(database: DatabaseUnderTest): Promise<number> {
  return withConnection(database, async (connection) => {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const open = await countOpenTransactions(database.kind, connection);
      if (open === 0 || performance.now() > deadline) return open;
      await sleep(POLL_INTERVAL_MS);
    }
  });
}

/** A file of SQLite has one transaction at most that writes; it is asked for without waiting, because that would block. */
async function countOpenTransactions(kind: DatabaseKind, connection: DataSource): Promise<number> {
  if (kind !== 'sqlite') return Number((await connection.query<{ n: unknown }[]>(count[kind]))[0]?.n);
  await connection.query('PRAGMA busy_timeout = 0');
  try {
    await connection.query('BEGIN IMMEDIATE');
    await connection.query('ROLLBACK');
    return 0;
  } catch {
    return 1;
  }
}
