import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import type { Fault } from '../fault.js';
import { withConnection } from '../database-under-test.js';

const onServers: readonly DatabaseKind[] = ['postgres', 'mariadb'];
const DELIVERIES = 40;
/** Longer than the time within which the first 200 must come, so that it comes while they are held. */
const MIN_HELD_MS = 2_500;
const MAX_WAIT_MS = 10_000;

/** The tables, and their columns of a delivery's id. */
const tables = [
  ['delivery', 'id'],
  ['delivery_state', 'delivery_id'],
  ['handler_run', 'delivery_id'],
] as const;

/** On a busy machine the first runs come late, and the worker itself holds rows for moments. */
async function lockNewestRowsOf(table: string, column: string, runner: QueryRunner): Promise<void> {
  const ofNewest = `cr3dentials_webhook_${table} ORDER BY ${column} DESC LIMIT ${DELIVERIES}`;
  const deadline = performance.now() + MAX_WAIT_MS;
  for (;;) {
    const rows = (await runner.query(`SELECT ${column} FROM ${ofNewest} FOR UPDATE SKIP LOCKED`)) as unknown[];
    if (rows.length > 0) return;
    if (performance.now() > deadline) throw new Error(`Of the table ${table}, no row could be locked.`);
    await sleep(20);
  }
}

/** @returns ends the transaction that has locked them */
async function lockNewestRows(connection: DataSource): Promise<() => Promise<void>> {
  const runner = connection.createQueryRunner();
  await runner.startTransaction('READ COMMITTED');
  for (const [table, column] of tables) await lockNewestRowsOf(table, column, runner);
  return async () => {
    await runner.rollbackTransaction();
    await runner.release();
  };
}

/** Faults that other sessions and the host's own code bring about. */
export const sessionFaults: readonly Fault[] = [
  {
    name: 'rows-locked',
    how: 'Three other sessions lock the rows of the newest deliveries, of their states and of their runs, and hold them for 2.5 to 3.5 s, and so for longer than a lease. Receiving must go on meanwhile.',
    databases: onServers,
    instances: 2,
    inject: ({ database, pause }) =>
      withConnection(database, async (connection) => {
        const releases = [];
        for (let session = 0; session < 3; session++) {
          await pause(100, 400);
          releases.push(await lockNewestRows(connection));
        }
        const locked = performance.now();
        await pause(MIN_HELD_MS, 3_500);
        for (const release of releases) await release();
        return locked;
      }),
  },
  {
    name: 'pool-full',
    how: 'Code of the host holds every connection of its pool for 3 to 4 s. Receiving must go on meanwhile.',
    databases: onServers,
    async inject({ instances: [only], random, pause }) {
      await pause(100, 500);
      const forMs = random.whole(3_000, 4_000);
      const released = sleep(forMs);
      await only.fillPool(forMs);
      const full = performance.now();
      await released;
      return full; // the inbox has connections of its own
    },
  },
];
