import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerCleanup } from './cleanup.js';
import type { DatabaseUnderTest } from './database-under-test.js';
import type { HandlerSet } from './hosts/host-settings.js';
import type { NetworkNamespace } from './servers/network-namespace.js';
import { Instance, type HostProgram, type InstanceSettings } from './instance.js';

export const LEASE_MS = 1_500;
export const ACK_TIMEOUT_MS = 2_000;

export interface ClusterSettings {
  readonly database: DatabaseUnderTest;
  readonly program: HostProgram;
  readonly platform: InstanceSettings['platform'];
  readonly size: number;
  /** Longest run of the handlers of one session in twenty. */
  readonly slowHandlerMs: number;
  readonly ackTimeoutMs: number;
  /** Clocks by number of the instance; a clock without an entry is right. */
  readonly clockOffsetsMs: readonly number[];
  /** Settings by number of the instance; one without an entry has the usual ones. */
  readonly handlers: readonly HandlerSet[];
  /** The machines, by number of the instance. @default all on this one */
  readonly namespaces?: readonly NetworkNamespace[];
}

/** Instances of one host on one database, and a folder for their logs. */
export class Cluster {
  private constructor(
    readonly instances: readonly [Instance, ...Instance[]],
    private readonly logs: { readonly folder: string; areKept: boolean },
    private readonly close: () => Promise<void>,
  ) {}

  static async start({
    database,
    size,
    clockOffsetsMs,
    handlers,
    namespaces,
    ...shared
  }: ClusterSettings): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-chaos-'));
    const settings = { ...shared, folder, database: database.options, leaseMs: LEASE_MS };
    const instanceOf = (number: number) => {
      const own = { handlers: handlers[number] ?? 'usual', clockOffsetMs: clockOffsetsMs[number] };
      return Instance.at({ ...settings, ...own, namespace: namespaces?.[number] }, number);
    };
    const instances: [Instance, ...Instance[]] = [await instanceOf(0)];
    while (instances.length < size) instances.push(await instanceOf(instances.length));
    const logs = { folder, areKept: false };
    const close = registerCleanup(async () => {
      await Promise.all(instances.map((instance) => instance.stop('SIGKILL')));
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
