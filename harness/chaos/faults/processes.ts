import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import type { Fault, FaultContext } from '../fault.js';
import { killPoints } from '../hosts/host-settings.js';
import type { Instance } from '../instance.js';

const everywhere: readonly DatabaseKind[] = ['sqlite', 'postgres', 'mariadb'];
const HOUR_MS = 3_600_000;

/** @returns the moment it listened again */
async function killAndRestart(instance: Instance, signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
  await instance.stop(signal);
  return restart(instance);
}

async function restart(instance: Instance): Promise<number> {
  await instance.start();
  return performance.now();
}

async function killOneAfterAnother({ instances, random, pause }: FaultContext, times: number): Promise<number> {
  let over = performance.now();
  for (let kill = 0; kill < times; kill++) {
    await pause(50, 500);
    over = await killAndRestart(random.pick(instances), 'SIGKILL');
  }
  return over;
}

export const processFaults: readonly Fault[] = [
  {
    name: 'sigkill',
    how: 'The only process is ended with SIGKILL at a random moment and started again.',
    databases: everywhere,
    controls: ['documented'],
    async inject({ instances: [only], pause }) {
      await pause(100, 700);
      return killAndRestart(only, 'SIGKILL');
    },
  },
  {
    name: 'sigkill-in-handler',
    how: 'The only process ends itself with SIGKILL in a handler, in its transaction, or just before or after it, and is started again.',
    databases: everywhere,
    async inject({ instances: [only], random, pause }) {
      await pause(50, 400);
      await only.killAt(random.pick(killPoints));
      return restart(only);
    },
  },
  {
    name: 'frozen-worker',
    how: 'One of two processes is stopped with SIGSTOP, for longer than its lease, and goes on with SIGCONT.',
    databases: everywhere,
    controls: ['broken'],
    slowHandlerMs: 3_000, // some are under way when it is stopped, and still when it goes on
    instances: 2,
    async inject({ instances, random, pause, leaseMs }) {
      await pause(100, 500);
      const frozen = random.pick(instances);
      frozen.suspend();
      await sleep(leaseMs * (1.2 + random.next() * 0.6));
      frozen.resume();
      return performance.now();
    },
  },
  {
    name: 'sigterm',
    how: 'The only process is told to end with SIGTERM, drains, and is started again.',
    databases: everywhere,
    async inject({ instances: [only], pause }) {
      await pause(100, 700);
      return killAndRestart(only, 'SIGTERM');
    },
  },
  {
    name: 'two-instances',
    how: 'Two processes on one database; one of them, chosen at random, is ended with SIGKILL and started again.',
    databases: everywhere,
    instances: 2,
    inject: (context) => killOneAfterAnother(context, 1),
  },
  {
    name: 'four-instances',
    how: 'Four processes on one database; twice, one of them is ended with SIGKILL and started again.',
    databases: everywhere,
    instances: 4,
    inject: (context) => killOneAfterAnother(context, 2),
  },
  {
    name: 'wrong-clock',
    how: "Two processes, one an hour fast and one an hour slow (on SQLite both slow: they share their machine's clock); one is ended with SIGKILL and started again.",
    databases: everywhere,
    instances: 2,
    clockOffsetsMs: (kind) => (kind === 'sqlite' ? [-HOUR_MS, -HOUR_MS] : [HOUR_MS, -HOUR_MS]),
    inject: (context) => killOneAfterAnother(context, 1),
  },
];
