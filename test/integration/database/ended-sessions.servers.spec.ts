import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import { MariadbServer } from '../../../harness/chaos/servers/mariadb-server.js';
import { openDatabase } from '../../../src/database/database.connection.factory.js';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { raw, sql } from '../../../src/database/sql.js';
import { freshDatabase, servers, type DatabaseKind, type TestDatabase } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

const TIMEOUTS = { receiving: 5_000, urgent: 5_000, processing: 5_000, operating: 5_000 };
const ID = { postgres: 'SELECT pg_backend_pid() AS id', mariadb: 'SELECT CONNECTION_ID() AS id' };
const SLEEP = { postgres: sql`SELECT pg_sleep(60)`, mariadb: sql`SELECT SLEEP(60)` };
const SESSIONS = {
  postgres: 'SELECT pid AS id FROM pg_stat_activity',
  mariadb: 'SELECT id FROM information_schema.processlist',
};

/** What TypeORM keeps of a connection of the driver of PostgreSQL. */
type Runner = QueryRunner & { databaseConnection: { processID: number } };
type Server = Exclude<DatabaseKind, 'sqlite'>;

/** A session of somebody else, with the same user. */
class Stranger {
  private constructor(
    private readonly kind: Server,
    private readonly dataSource: DataSource,
    readonly id: number,
  ) {}

  static async connect(kind: Server, options: DataSourceOptions): Promise<Stranger> {
    const one = { ...options, poolSize: 1, logging: false } as DataSourceOptions;
    const dataSource = await new DataSource(one).initialize();
    const [row] = await dataSource.query<{ id: unknown }[]>(ID[kind]);
    return new Stranger(kind, dataSource, Number(row?.id));
  }

  /** A session that was ended has another number when it is asked. */
  async isAlive(): Promise<boolean> {
    const rows = await this.dataSource.query<{ id: unknown }[]>(ID[this.kind]).catch(() => []);
    return Number(rows[0]?.id) === this.id;
  }

  leave(): Promise<void> {
    return this.dataSource.destroy();
  }
}

function open(host: DataSource): Promise<DatabaseConnection> {
  return openDatabase({ host, entities: [], connections: 4, listenNotify: false, timeouts: TIMEOUTS });
}

for (const kind of servers) {
  describe(`the session of a connection that is given up, on ${kind}`, () => {
    let database: TestDatabase;
    let host: DataSource;
    let connection: DatabaseConnection;

    beforeEach(async () => {
      database = await freshDatabase(kind);
      host = await database.connect();
      connection = await open(host);
    });

    afterEach(async () => {
      await connection?.close();
      await database.drop();
    });

    it.each(['the host', 'the inbox'])('is ended in the middle of its statement, in the pool of %s', async (pool) => {
      let id = 0;
      const run = pool === 'the host' ? 'handlerTransaction' : 'transaction';
      const failed = connection[run](async (execute) => {
        id = Number((await execute(raw(ID[kind]))).records[0]?.id);
        execute(SLEEP[kind]).catch(() => {}); // its answer never comes
        throw new Error('The work has failed.');
      });
      await expect(failed).rejects.toThrow('The work has failed.');
      const sessions = await host.query<{ id: unknown }[]>(SESSIONS[kind]);
      expect(id).toBeGreaterThan(0);
      expect(sessions.map((row) => Number(row.id))).not.toContain(id);
    });

    if (kind === 'postgres')
      it('is not taken for that of a stranger who has its process id by now', async () => {
        const stranger = await Stranger.connect(kind, database.options);
        const failed = connection.handlerTransaction((execute, { manager }) => {
          (manager.queryRunner as Runner).databaseConnection.processID = stranger.id;
          execute(sql`SELECT pg_sleep(3)`).catch(() => {}); // the rollback waits for it, until it is given up
          throw new Error('The work has failed.');
        });
        await expect(failed).rejects.toThrow('The work has failed.');
        expect(await stranger.isAlive()).toBe(true);
        await stranger.leave();
      });
  });
}

for (const kind of servers.filter((server) => server === 'mariadb')) {
  describe('the session of a connection to a mariadb server that was started again', () => {
    let server: MariadbServer;
    let host: DataSource;
    let connection: DatabaseConnection;
    const options = (): DataSourceOptions => ({ type: kind, url: server.url });
    const uptime = async () =>
      Number((await server.query<{ Value: string }>(`SHOW GLOBAL STATUS LIKE 'Uptime'`))[0]?.Value);

    beforeEach(async () => {
      server = await MariadbServer.launch();
      host = await new DataSource({ ...options(), logging: false } as DataSourceOptions).initialize();
      connection = await open(host);
    });

    afterEach(async () => {
      await connection?.close();
      await host?.destroy();
      await server?.remove();
    });

    it('is not taken for that of a stranger: the server counts from 1 again', async () => {
      const strangers: Stranger[] = [];
      const failed = connection.handlerTransaction(async (_, { manager }) => {
        const [row] = await manager.query<{ id: unknown }[]>(ID[kind]);
        const id = Number(row?.id);
        await until('it has run for a second', async () => (await uptime()) > 0);
        await server.kill();
        await server.start();
        do strangers.push(await Stranger.connect(kind, options()));
        while ((strangers.at(-1)?.id ?? id) < id);
        expect(strangers.at(-1)?.id).toBe(id);
        await manager.query('SELECT 1');
      });
      await expect(failed).rejects.toThrow('The database failed');
      expect(await strangers.at(-1)?.isAlive()).toBe(true);
      for (const stranger of strangers) await stranger.leave();
    });
  });
}
