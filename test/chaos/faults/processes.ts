import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../support/database/databases.js';
import type { Fault, Scene } from '../fault.js';
import { places } from '../hosts/setting.js';
import type { Instance } from '../instance.js';

const everywhere: readonly DatabaseKind[] = ['sqlite', 'postgres', 'mariadb'];
const HOUR = 3_600_000;

/** Answers the moment it listened again. */
async function killAndRestart(instance: Instance, signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
  await instance.end(signal);
  return restart(instance);
}

async function restart(instance: Instance): Promise<number> {
  await instance.start();
  return performance.now();
}

async function killOneAfterAnother({ instances, random, pause }: Scene, times: number): Promise<number> {
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
    async strike({ instances: [only], pause }) {
      await pause(100, 700);
      return killAndRestart(only, 'SIGKILL');
    },
  },
  {
    name: 'sigkill-in-handler',
    how: 'The only process ends itself with SIGKILL in a handler, in its transaction, or just before or after it, and is started again.',
    databases: everywhere,
    async strike({ instances: [only], random, pause }) {
      await pause(50, 400);
      await only.dieAt(random.pick(places));
      return restart(only);
    },
  },
  {
    name: 'frozen-worker',
    how: 'One of two processes is stopped with SIGSTOP, for longer than its lease, and goes on with SIGCONT.',
    databases: everywhere,
    controls: ['careless'],
    handlersTake: 3_000, // some are under way when it is stopped, and still when it goes on
    instances: 2,
    async strike({ instances, random, pause, lease }) {
      await pause(100, 500);
      const frozen = random.pick(instances);
      frozen.suspend();
      await sleep(lease * (1.2 + random.next() * 0.6));
      frozen.resume();
      return performance.now();
    },
  },
  {
    name: 'sigterm',
    how: 'The only process is told to end with SIGTERM, drains, and is started again.',
    databases: everywhere,
    async strike({ instances: [only], pause }) {
      await pause(100, 700);
      return killAndRestart(only, 'SIGTERM');
    },
  },
  {
    name: 'two-instances',
    how: 'Two processes on one database; one of them, chosen at random, is ended with SIGKILL and started again.',
    databases: everywhere,
    instances: 2,
    strike: (scene) => killOneAfterAnother(scene, 1),
  },
  {
    name: 'four-instances',
    how: 'Four processes on one database; twice, one of them is ended with SIGKILL and started again.',
    databases: everywhere,
    instances: 4,
    strike: (scene) => killOneAfterAnother(scene, 2),
  },
  {
    name: 'wrong-clock',
    how: "Two processes, one an hour fast and one an hour slow (on SQLite both slow: they share their machine's clock); one is ended with SIGKILL and started again.",
    databases: everywhere,
    instances: 2,
    clocksAreOff: (kind) => (kind === 'sqlite' ? [-HOUR, -HOUR] : [HOUR, -HOUR]),
    strike: (scene) => killOneAfterAnother(scene, 1),
  },
];
