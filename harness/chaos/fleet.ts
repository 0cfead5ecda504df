import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { undoAtExit } from './cleaning.js';
import type { Ground } from './ground.js';
import { Instance, type HostProgram, type InstanceSetting } from './instance.js';

export const LEASE = 1_500;
export const ACK_TIMEOUT = 2_000;

export interface FleetSetting {
  readonly ground: Ground;
  readonly program: HostProgram;
  readonly platform: InstanceSetting['platform'];
  readonly size: number;
  readonly handlersTake: number;
  readonly ackTimeout: number;
  /** By number; what is missing is right. */
  readonly clocksAreOff: readonly number[];
}

/** Instances of one host on one database, and a folder for what they say. */
export class Fleet {
  private constructor(
    readonly instances: readonly [Instance, ...Instance[]],
    private readonly logs: { readonly folder: string; areKept: boolean },
    private readonly close: () => Promise<void>,
  ) {}

  static async gather({ ground, size, clocksAreOff, ...same }: FleetSetting): Promise<Fleet> {
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-chaos-'));
    const setting = { ...same, folder, database: ground.options, lease: LEASE };
    const instanceOf = (number: number) => Instance.at({ ...setting, clockIsOff: clocksAreOff[number] }, number);
    const instances: [Instance, ...Instance[]] = [await instanceOf(0)];
    while (instances.length < size) instances.push(await instanceOf(instances.length));
    const logs = { folder, areKept: false };
    const close = undoAtExit(async () => {
      await Promise.all(instances.map((instance) => instance.end('SIGKILL')));
      await ground.close();
      if (!logs.areKept) await rm(folder, { recursive: true, force: true });
    });
    return new Fleet(instances, logs, close);
  }

  /** Those that do not run. */
  async start(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.isRunning || instance.start()));
  }

  /** @returns where what they said is kept, when it is to be */
  async leave(keepsLogs: boolean): Promise<string | undefined> {
    this.logs.areKept = keepsLogs;
    await this.close();
    return keepsLogs ? this.logs.folder : undefined;
  }
}
