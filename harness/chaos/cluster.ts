import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { undoAtExit } from './cleaning.js';
import type { DatabaseUnderTest } from './database-under-test.js';
import { Instance, type HostProgram, type InstanceSetting } from './instance.js';

export const LEASE = 1_500;
export const ACK_TIMEOUT = 2_000;

export interface ClusterSetting {
  readonly database: DatabaseUnderTest;
  readonly program: HostProgram;
  readonly platform: InstanceSetting['platform'];
  readonly size: number;
  readonly handlersTake: number;
  readonly ackTimeout: number;
  /** By number; what is missing is right. */
  readonly clocksAreOff: readonly number[];
}

/** Instances of one host on one database, and a folder for their logs. */
export class Cluster {
  private constructor(
    readonly instances: readonly [Instance, ...Instance[]],
    private readonly logs: { readonly folder: string; areKept: boolean },
    private readonly close: () => Promise<void>,
  ) {}

  static async start({ database, size, clocksAreOff, ...same }: ClusterSetting): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-chaos-'));
    const setting = { ...same, folder, database: database.options, lease: LEASE };
    const instanceOf = (number: number) => Instance.at({ ...setting, clockIsOff: clocksAreOff[number] }, number);
    const instances: [Instance, ...Instance[]] = [await instanceOf(0)];
    while (instances.length < size) instances.push(await instanceOf(instances.length));
    const logs = { folder, areKept: false };
    const close = undoAtExit(async () => {
      await Promise.all(instances.map((instance) => instance.end('SIGKILL')));
      await database.close();
      if (!logs.areKept) await rm(folder, { recursive: true, force: true });
    });
    const cluster = new Cluster(instances, logs, close);
    try {
      await cluster.startStopped();
      return cluster;
    } catch (error) {
      await cluster.tearDown(false);
      throw error;
    }
  }

  /** Starts the instances that do not run. */
  async startStopped(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.isRunning || instance.start()));
  }

  /**
   * Ends every instance and removes the database.
   *
   * @returns the folder of the logs when they are kept
   */
  async tearDown(keepsLogs: boolean): Promise<string | undefined> {
    this.logs.areKept = keepsLogs;
    await this.close();
    return keepsLogs ? this.logs.folder : undefined;
  }
}
