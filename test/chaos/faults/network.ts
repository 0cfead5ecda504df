import type { DatabaseKind } from '../../support/database/databases.js';
import type { TcpProxy } from '../../support/network/tcp-proxy.js';
import type { Fault, Scene } from '../fault.js';
import { ProxiedGround } from '../servers/proxied-ground.js';

const onServers: readonly DatabaseKind[] = ['postgres', 'mariadb'];
const throughProxy = { databases: onServers, open: (kind: DatabaseKind) => ProxiedGround.open(kind) };

function proxyOf({ ground }: Scene): TcpProxy {
  return ProxiedGround.of(ground).proxy;
}

export const networkFaults: readonly Fault[] = [
  {
    name: 'connections-cut',
    how: 'A proxy between the host and its database cuts every connection, five times; new ones go through.',
    ...throughProxy,
    async strike(scene) {
      for (let time = 0; time < 5; time++) {
        await scene.pause(30, 300);
        proxyOf(scene).cut();
      }
      return performance.now();
    },
  },
  {
    name: 'connections-slow',
    how: 'A proxy between the host and its database adds 5 to 40 ms to each direction and lets through 200 kB a second and connection, for 0.5 to 1.5 s.',
    ...throughProxy,
    async strike(scene) {
      await scene.pause(100, 300);
      proxyOf(scene).slowDown({ latency: scene.random.whole(5, 40), bytesPerSecond: 200_000 });
      await scene.pause(500, 1_500);
      proxyOf(scene).thaw();
      return performance.now();
    },
  },
  {
    name: 'answers-swallowed',
    how: 'A proxy lets everything through to the database and nothing back for 0.1 to 0.6 s, so that it commits what the host does not know of, and then cuts every connection.',
    ...throughProxy,
    async strike(scene) {
      await scene.pause(100, 500);
      proxyOf(scene).swallowAnswers();
      await scene.pause(100, 600);
      proxyOf(scene).cut();
      return performance.now();
    },
  },
];
