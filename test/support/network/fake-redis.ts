import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A server that answers commands as a Redis does that is new and empty, where there is no `redis-server`. */
export interface FakeRedis {
  readonly port: number;
  close(): Promise<void>;
}

const INFO = 'redis_version:7.0.0\r\nloading:0\r\nrun_id:abc\r\n';
const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/** Answers by the name of the command. The key is set by the first who asks. */
function answers(): (command: string) => string {
  let isSet = false;
  return (command) => {
    if (command === 'info') return bulk(INFO);
    if (command === 'get') return bulk('marker');
    if (command === 'llen' || command === 'zcard') return ':0\r\n';
    if (command === 'lindex') return '$-1\r\n';
    if (command === 'zrange') return '*0\r\n';
    if (command !== 'set') return '+OK\r\n';
    const answer = isSet ? '$-1\r\n' : '+OK\r\n';
    isSet = true;
    return answer;
  };
}

/** Names of the commands in a text of the protocol. The client writes each batch of them at once. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)].map(([, name = '']) => name.toLowerCase());
}

export async function fakeRedis(): Promise<FakeRedis> {
  const answer = answers();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // it closes
    socket.on('data', (data) => socket.write(commandsIn(data.toString()).map(answer).join('')));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
