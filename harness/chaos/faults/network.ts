import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import type { TcpProxy } from '../../../test/support/network/tcp-proxy.js';
import type { Fault, FaultContext, Placement } from '../fault.js';
import { ProxiedDatabase } from '../servers/proxied-database.js';

const onServers: readonly DatabaseKind[] = ['postgres', 'mariadb'];
const throughProxy = {
  databases: onServers,
  openDatabase: (kind: DatabaseKind) => ProxiedDatabase.open(kind),
} satisfies Placement;

function proxyOf({ database }: FaultContext): TcpProxy {
  return ProxiedDatabase.of(database).proxy;
}

export const networkFaults: readonly Fault[] = [
  {
    name: 'connections-cut',
    how: 'A proxy between the host and its database cuts every connection, five times; new ones go through.',
    ...throughProxy,
    async inject(context) {
      for (let time = 0; time < 5; time++) {
        await context.pause(30, 300);
        proxyOf(context).cut();
      }
      return performance.now();
    },
  },
  {
    name: 'connections-slow',
    how: 'A proxy between the host and its database adds 5 to 40 ms to each direction and lets through 200 kB a second and connection, for 0.5 to 1.5 s.',
    ...throughProxy,
    async inject(context) {
      await context.pause(100, 300);
      proxyOf(context).slowDown({ latencyMs: context.random.whole(5, 40), bytesPerSecond: 200_000 });
      await context.pause(500, 1_500);
      proxyOf(context).thaw();
      return performance.now();
    },
  },
  {
    name: 'answers-swallowed',
    how: 'A proxy lets everything through to the database and nothing back for 0.1 to 0.6 s, so that it commits what the host does not know of, and then cuts every connection.',
    ...throughProxy,
    async inject(context) {
      await context.pause(100, 500);
      proxyOf(context).swallowAnswers();
      await context.pause(100, 600);
      proxyOf(context).cut();
      return performance.now();
    },
  },
  {
    name: 'connections-silent',
    how: 'A proxy lets nothing back from the database for 0.2 to 1 s, on the connections there are and on new ones, and never again on these: they stay established and never answer. Later ones go through.',
    ...throughProxy,
    async inject(context) {
      const proxy = proxyOf(context);
      await context.pause(100, 500);
      if (proxy.connections === 0) throw new Error('There is no connection to silence.');
      proxy.swallowAnswers();
      await context.pause(200, 1_000);
      proxy.silence();
      proxy.thaw();
      await sleep(context.ackTimeoutMs); // what was asked before is given up only then
      return performance.now();
    },
  },
];
