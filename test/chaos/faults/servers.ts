import type { DatabaseKind } from '../../support/database/databases.js';
import type { Fault, Scene } from '../fault.js';
import { PostgresServer } from '../servers/postgres-server.js';
import type { PrivateServer } from '../servers/private-server.js';
import { ServedGround } from '../servers/served-ground.js';

const onServers: readonly DatabaseKind[] = ['postgres', 'mariadb'];
const onOurOwn = { databases: onServers, open: (kind: DatabaseKind) => ServedGround.open(kind) };

function serverOf({ ground }: Scene): PrivateServer {
  return ServedGround.of(ground).server;
}

/** Answers the moment it took connections again. */
async function awayFor(scene: Scene, end: (server: PrivateServer) => Promise<void>): Promise<number> {
  const server = serverOf(scene);
  await scene.pause(100, 700);
  await end(server);
  await scene.pause(0, 800);
  await server.start();
  return performance.now();
}

export const serverFaults: readonly Fault[] = [
  {
    name: 'server-stopped',
    how: 'The database server is shut down in its orderly way in the middle of commits (PostgreSQL also with “immediate”), stays away for up to 0.8 s and is started again.',
    ...onOurOwn,
    controls: ['documented'],
    strike: (scene) =>
      awayFor(scene, (server) =>
        server instanceof PostgresServer && scene.random.next() < 0.5 ? server.stopAtOnce() : server.stop(),
      ),
  },
  {
    name: 'server-killed',
    how: 'All processes of the database server are ended with SIGKILL in the middle of commits; it stays away for up to 0.8 s, is started again and recovers from its log.',
    ...onOurOwn,
    strike: (scene) => awayFor(scene, (server) => server.kill()),
  },
  {
    name: 'server-frozen',
    how: 'All processes of the database server are stopped with SIGSTOP in the middle of commits for 0.3 to 3.5 s, so at times for longer than ackTimeout and a lease, and go on with SIGCONT.',
    ...onOurOwn,
    async strike(scene) {
      const server = serverOf(scene);
      await scene.pause(100, 700);
      server.freeze();
      await scene.pause(300, 3_500);
      server.thaw();
      return performance.now();
    },
  },
  {
    name: 'connections-terminated',
    how: 'The database server ends every connection of the application (pg_terminate_backend, KILL), three times.',
    ...onOurOwn,
    async strike(scene) {
      for (let time = 0; time < 3; time++) {
        await scene.pause(50, 400);
        await serverOf(scene).terminateConnections();
      }
      return performance.now();
    },
  },
  {
    name: 'server-read-only',
    how: 'The database refuses writes for 0.3 to 1.5 s (default_transaction_read_only, read_only) and takes them again.',
    ...onOurOwn,
    async strike(scene) {
      const server = serverOf(scene);
      await scene.pause(100, 700);
      await server.setReadOnly(true);
      await scene.pause(300, 1_500);
      await server.setReadOnly(false);
      return performance.now();
    },
  },
];
