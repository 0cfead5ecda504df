import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import type { Fault, FaultContext, Placement } from '../fault.js';
import { withConnection } from '../database-under-test.js';
import { PrivateServerDatabase } from '../servers/private-server-database.js';

const onMachines = {
  databases: ['postgres', 'mariadb'],
  openDatabase: (kind: DatabaseKind) => PrivateServerDatabase.open(kind, 'machines'),
} satisfies Placement;

const sessionsFrom: Record<Exclude<DatabaseKind, 'sqlite'>, (address: string) => string> = {
  postgres: (address) => `SELECT 1 FROM pg_stat_activity WHERE client_addr = '${address}'`,
  mariadb: (address) => `SELECT 1 FROM information_schema.processlist WHERE host LIKE '${address}:%'`,
};

/** @throws Error when the server has noticed, because then nothing has vanished */
async function demandSessionsFrom(address: string, { database }: FaultContext): Promise<void> {
  if (database.kind === 'sqlite') throw new Error('SQLite has no sessions.');
  const statement = sessionsFrom[database.kind](address);
  const sessions = await withConnection(database, (connection) => connection.query<unknown[]>(statement));
  if (sessions.length === 0) throw new Error(`The server has no sessions of ${address} any more.`);
}

export const machineFaults: readonly Fault[] = [
  {
    name: 'machine-vanished',
    how: 'One of two machines (network namespaces) vanishes: its packets are dropped in both directions, then its process is ended with SIGKILL, and nobody is told. The server keeps its transactions until its keepalive has given up, after some 4 s. Meanwhile another machine takes its place.',
    ...onMachines,
    instances: 2,
    slowHandlerMs: 1_000,
    controls: ['documented'],
    async inject(context) {
      const { instances, random, pause } = context;
      await pause(100, 500);
      const vanished = random.pick(instances);
      const { host } = vanished;
      const begin = performance.now();
      vanished.isolate();
      await vanished.stop('SIGKILL');
      await pause(0, 1_500);
      await demandSessionsFrom(host, context);
      await vanished.replaceMachine();
      return begin; // the other machine answers all the time
    },
  },
  {
    name: 'machine-cut-off',
    how: 'The packets of one of two machines (network namespaces) are dropped in both directions for 2.5 to 3.5 s, and so for longer than a lease, and then go through again. Its process runs on all the time.',
    ...onMachines,
    instances: 2,
    slowHandlerMs: 3_000,
    controls: ['broken'],
    async inject({ instances, random, pause, leaseMs }) {
      await pause(100, 500);
      const cutOff = random.pick(instances);
      const begin = performance.now();
      cutOff.isolate();
      await sleep(leaseMs * (1.7 + random.next() * 0.6)); // the other must answer before it ends
      cutOff.reconnect();
      return begin; // the other machine answers all the time
    },
  },
];
