import type { DataSource } from 'typeorm';
import { until } from '../../../test/support/time/until.js';
import type { Fault, FaultContext, Placement } from '../fault.js';
import { withConnection } from '../database-under-test.js';
import { SmallDiskDatabase } from '../servers/small-disk-database.js';
import type { SmallDisk } from '../servers/small-disk.js';

const onSmallDisk = { databases: ['sqlite'], openDatabase: () => SmallDiskDatabase.open() } satisfies Placement;

function diskOf({ database }: FaultContext): SmallDisk {
  return SmallDiskDatabase.of(database).disk;
}

/** Repeats the statement until the file is not busy. */
async function untilAccepted(what: string, connection: DataSource, statement: string): Promise<void> {
  await until(what, () =>
    connection.query(statement).then(
      () => true,
      () => false,
    ),
  );
}

export const diskFaults: readonly Fault[] = [
  {
    name: 'disk-full',
    how: 'The disk (a tmpfs of 24 MiB) is filled to the last page for 0.3 to 1.5 s, and freed.',
    ...onSmallDisk,
    controls: ['documented'],
    async inject(context) {
      const disk = diskOf(context);
      await context.pause(100, 500);
      // A log that has been written before is written again in place, and needs no room.
      await withConnection(context.database, async (connection) => {
        await connection.query('PRAGMA busy_timeout = 0');
        await untilAccepted('the log is emptied', connection, 'PRAGMA wal_checkpoint(TRUNCATE)');
      });
      disk.fill();
      await context.pause(300, 1_500);
      disk.free();
      return performance.now();
    },
  },
  {
    name: 'disk-read-only',
    how: 'The process is ended with SIGKILL and comes back to a disk that was mounted read-only, where it cannot start; then the disk takes writes again, and the process is started once more.',
    ...onSmallDisk,
    async inject(context) {
      const disk = diskOf(context);
      const [only] = context.instances;
      await context.pause(100, 500);
      await only.stop('SIGKILL');
      disk.setReadOnly(true);
      const starts = await only.start().then(
        () => true,
        () => false,
      );
      await context.pause(0, 300);
      disk.setReadOnly(false);
      if (!starts) await only.start();
      return performance.now();
    },
  },
  {
    name: 'file-locked',
    how: 'Another program has the file of SQLite locked for writing for 0.3 to 3 s.',
    databases: ['sqlite'],
    async inject({ database, pause }) {
      await pause(100, 500);
      return withConnection(database, async (connection) => {
        await connection.query('PRAGMA busy_timeout = 0'); // else the harness itself would block
        await untilAccepted('the file is locked', connection, 'BEGIN IMMEDIATE');
        await pause(300, 3_000);
        await connection.query('ROLLBACK');
        return performance.now();
      });
    },
  },
];
