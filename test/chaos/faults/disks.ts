import type { DataSource } from 'typeorm';
import { until } from '../../support/time/until.js';
import type { Fault, Scene } from '../fault.js';
import { visit } from '../ground.js';
import { DiskGround } from '../servers/disk-ground.js';
import type { SmallDisk } from '../servers/small-disk.js';

const onSmallDisk = { databases: ['sqlite'], open: () => DiskGround.open() } as const;

function diskOf({ ground }: Scene): SmallDisk {
  return DiskGround.of(ground).disk;
}

/** The file is busy for others at times. */
async function untilTaken(what: string, connection: DataSource, statement: string): Promise<void> {
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
    async strike(scene) {
      const disk = diskOf(scene);
      await scene.pause(100, 500);
      // A log that has been written before is written again in place, and needs no room.
      await visit(scene.ground, async (connection) => {
        await connection.query('PRAGMA busy_timeout = 0');
        await untilTaken('the log is emptied', connection, 'PRAGMA wal_checkpoint(TRUNCATE)');
      });
      disk.fill();
      await scene.pause(300, 1_500);
      disk.free();
      return performance.now();
    },
  },
  {
    name: 'disk-read-only',
    how: 'The process is ended with SIGKILL and comes back to a disk that was mounted read-only, where it cannot start; then the disk takes writes again, and the process is started once more.',
    ...onSmallDisk,
    async strike(scene) {
      const disk = diskOf(scene);
      const [only] = scene.instances;
      await scene.pause(100, 500);
      await only.end('SIGKILL');
      disk.setReadOnly(true);
      const starts = await only.start().then(
        () => true,
        () => false,
      );
      await scene.pause(0, 300);
      disk.setReadOnly(false);
      if (!starts) await only.start();
      return performance.now();
    },
  },
  {
    name: 'file-locked',
    how: 'Another program has the file of SQLite locked for writing for 0.3 to 3 s.',
    databases: ['sqlite'],
    async strike({ ground, pause }) {
      await pause(100, 500);
      return visit(ground, async (connection) => {
        await connection.query('PRAGMA busy_timeout = 0'); // else the harness would stand still, and be late itself
        await untilTaken('the file is locked', connection, 'BEGIN IMMEDIATE');
        await pause(300, 3_000);
        await connection.query('ROLLBACK');
        return performance.now();
      });
    },
  },
];
