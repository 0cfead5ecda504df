import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import type { Fault, FaultContext, Placement } from '../fault.js';
import { FailoverDatabase } from '../servers/failover-database.js';
import { PostgresServer } from '../servers/postgres-server.js';
import type { PrivateServer } from '../servers/private-server.js';
import { PrivateServerDatabase } from '../servers/private-server-database.js';

const onServers: readonly DatabaseKind[] = ['postgres', 'mariadb'];
/** Time by which a clock is set back. Whatever waits for it must not wait for longer than a trial. */
const MAX_JUMP_MS = 4_000;
const onPrivateServer = {
  databases: onServers,
  openDatabase: (kind: DatabaseKind) => PrivateServerDatabase.open(kind),
} satisfies Placement;

function serverOf({ database }: FaultContext): PrivateServer {
  return PrivateServerDatabase.of(database).server;
}

/** @returns the moment it took connections again */
async function stopAndRestart(context: FaultContext, end: (server: PrivateServer) => Promise<void>): Promise<number> {
  const server = serverOf(context);
  await context.pause(100, 700);
  await end(server);
  await context.pause(0, 800);
  await server.start();
  return performance.now();
}

export const serverFaults: readonly Fault[] = [
  {
    name: 'server-stopped',
    how: 'The database server is shut down in its orderly way in the middle of commits (PostgreSQL also with “immediate”), stays away for up to 0.8 s and is started again.',
    ...onPrivateServer,
    controls: ['documented'],
    inject: (context) =>
      stopAndRestart(context, (server) =>
        server instanceof PostgresServer && context.random.next() < 0.5 ? server.stopImmediately() : server.stop(),
      ),
  },
  {
    name: 'server-killed',
    how: 'All processes of the database server are ended with SIGKILL in the middle of commits; it stays away for up to 0.8 s, is started again and recovers from its log.',
    ...onPrivateServer,
    inject: (context) => stopAndRestart(context, (server) => server.kill()),
  },
  {
    name: 'server-frozen',
    how: 'All processes of the database server are stopped with SIGSTOP in the middle of commits for 0.3 to 3.5 s, so at times for longer than ackTimeout and a lease, and go on with SIGCONT.',
    ...onPrivateServer,
    async inject(context) {
      const server = serverOf(context);
      await context.pause(100, 700);
      server.freeze();
      await context.pause(300, 3_500);
      server.thaw();
      return performance.now();
    },
  },
  {
    name: 'connections-terminated',
    how: 'The database server ends every connection of the application (pg_terminate_backend, KILL), three times.',
    ...onPrivateServer,
    async inject(context) {
      for (let time = 0; time < 3; time++) {
        await context.pause(50, 400);
        await serverOf(context).terminateConnections();
      }
      return performance.now();
    },
  },
  {
    name: 'server-read-only',
    how: 'The database refuses writes for 0.3 to 1.5 s (default_transaction_read_only, read_only) and takes them again.',
    ...onPrivateServer,
    async inject(context) {
      const server = serverOf(context);
      await context.pause(100, 700);
      await server.setReadOnly(true);
      await context.pause(300, 1_500);
      await server.setReadOnly(false);
      return performance.now();
    },
  },
  {
    name: 'server-clock-jumps',
    how: 'The clock of the database server, which leases follow, jumps by up to 4 s ahead or back, five times, and is set right (libfaketime), under two processes.',
    databases: onServers,
    openDatabase: (kind) => PrivateServerDatabase.open(kind, 'clock'),
    instances: 2,
    mayEndLeasesEarly: true,
    slowHandlerMs: 3_000,
    controls: ['broken'],
    async inject({ database, random, pause }) {
      const { clock } = PrivateServerDatabase.of(database);
      for (let jump = 0; jump < 5; jump++) {
        await pause(50, 600);
        clock.set(random.whole(-MAX_JUMP_MS, MAX_JUMP_MS));
      }
      await pause(50, 600);
      clock.set(0);
      return performance.now();
    },
  },
  {
    name: 'failover',
    how: 'A PostgreSQL primary, whose commits wait for a standby, is ended with SIGKILL, or falls silent with all of its connections; the standby is promoted, and new connections go to it.',
    databases: ['postgres'],
    openDatabase: () => FailoverDatabase.open(),
    controls: ['documented'],
    async inject({ database, random, pause, ackTimeoutMs }) {
      const failover = FailoverDatabase.of(database);
      await failover.addStandby();
      await pause(100, 700);
      const how = random.pick(['killed', 'silent'] as const);
      const over = await failover.failOver(how);
      if (how === 'killed') return over;
      await sleep(ackTimeoutMs); // what was asked before is given up only then
      return performance.now();
    },
  },
];
