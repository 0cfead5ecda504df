import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import type { Fault, FaultContext } from '../fault.js';
import { killPoints } from '../hosts/host-settings.js';
import type { Instance } from '../instance.js';

const everywhere: readonly DatabaseKind[] = ['sqlite', 'postgres', 'mariadb'];
const HOUR_MS = 3_600_000;
/** Ahead or back; what waits for a clock that was set back must not wait for longer than a trial. */
const MAX_JUMP_MS = 4_000;

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

async function setClocks(instances: readonly Instance[], next: () => number): Promise<void> {
  await Promise.all(instances.map((instance) => instance.setClock(next())));
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
  {
    name: 'clock-jumps',
    how: 'The clocks of two processes jump to random times within an hour, five times (on SQLite, where leases follow them, both together and within 4 s), and are set right.',
    databases: everywhere,
    instances: 2,
    clockOffsetsMs: () => [0, 0],
    mayEndLeasesEarly: true,
    slowHandlerMs: 3_000,
    controls: ['broken'],
    controlDatabases: ['sqlite'], // no lease follows the clocks of processes elsewhere
    async inject({ instances, database, random, pause }) {
      const isShared = database.kind === 'sqlite';
      for (let jump = 0; jump < 5; jump++) {
        await pause(50, 600);
        const shared = random.whole(-MAX_JUMP_MS, MAX_JUMP_MS);
        await setClocks(instances, () => (isShared ? shared : random.whole(-HOUR_MS, HOUR_MS)));
      }
      await pause(50, 600);
      await setClocks(instances, () => 0);
      return performance.now();
    },
  },
  {
    name: 'two-versions',
    how: 'Two processes, one of which has a handler that the other does not know, and that fails at its first attempt; after 0.5 to 1.5 s the other is told to end, and replaced by one that has it too.',
    databases: everywhere,
    instances: 2,
    handlers: ['usual', 'newer'],
    settleTimeoutMs: 60_000, // an unknown handler is postponed by half a minute
    controls: ['forgetful'],
    async inject({ instances: [older], pause }) {
      await older.deploy('usual');
      await pause(500, 1_500);
      await older.deploy('newer');
      return performance.now();
    },
  },
  {
    name: 'nested-transactions',
    how: 'The transactional handler has half of its effect in a transaction that it nests, and one session in twenty stays there for 3 s, with a handlerTimeout of 1.2 s; one of two processes is stopped with SIGSTOP for longer than its lease and goes on, and then one is told to end and started again.',
    databases: everywhere,
    instances: 2,
    handlers: ['nesting', 'nesting'],
    controls: ['leaky'],
    async inject({ instances, random, pause, leaseMs }) {
      await pause(300, 800);
      const frozen = random.pick(instances);
      frozen.suspend();
      await sleep(leaseMs * (1.2 + random.next() * 0.6));
      frozen.resume();
      await pause(100, 500);
      return killAndRestart(random.pick(instances), 'SIGTERM');
    },
  },
];
