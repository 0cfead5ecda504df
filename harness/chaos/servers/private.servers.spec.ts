import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { servers } from '../../../test/support/database/databases.js';
import { until } from '../../../test/support/time/until.js';
import { MariadbServer } from './mariadb-server.js';
import { PostgresServer } from './postgres-server.js';
import type { PrivateServer } from './private-server.js';

const kinds = { postgres: PostgresServer, mariadb: MariadbServer };
const INSERT = 'INSERT INTO fact VALUES (1)';

for (const kind of servers) {
  describe(`a private ${kind} server`, () => {
    let server: PrivateServer;
    let app: DataSource;

    beforeAll(async () => {
      server = await kinds[kind].launch();
      await server.query('CREATE TABLE fact (n int)');
    });

    afterAll(() => server?.remove());

    async function connect(): Promise<DataSource> {
      app = await new DataSource({ type: kind, url: server.url, logging: false }).initialize();
      await app.query('SELECT 1');
      return app;
    }

    const disconnect = () => app.destroy().catch(() => {}); // some faults have done it

    const outcome = (): Promise<string> =>
      app.query(INSERT).then(
        () => 'taken',
        (error: Error) => error.message,
      );

    const count = async () => Number((await server.query<{ n: number }>('SELECT count(*) AS n FROM fact'))[0]?.n);

    it('has what was committed when it is stopped and started again', async () => {
      await (await connect()).query(INSERT);
      const before = await count();
      await server.stop();
      expect(await outcome()).not.toBe('taken');
      await server.start();
      expect(await count()).toBe(before);
      await disconnect();
    });

    it('has what was committed when it is killed and started again', async () => {
      await (await connect()).query(INSERT);
      const before = await count();
      await server.kill();
      expect(await outcome()).not.toBe('taken');
      await server.start();
      expect(await count()).toBe(before);
      await disconnect();
    });

    it('answers nothing while it is frozen, and everything once it has thawed', async () => {
      await connect();
      let isAnswered = false;
      server.freeze();
      const answer = app.query(INSERT).finally(() => {
        isAnswered = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 200)); // the time in which it would have answered
      expect(isAnswered).toBe(false);
      server.thaw();
      await answer;
      await disconnect();
    });

    it('ends the connections of the application', async () => {
      const [before] = await (await connect()).query<{ n: string }[]>(ID[kind]);
      await server.terminateConnections();
      const after = await until('another connection answers', async () => {
        const [row] = await app.query<{ n: string }[]>(ID[kind]).catch(() => []);
        return row;
      });
      expect(after.n).not.toBe(before?.n);
      await disconnect();
    });

    it('refuses what the application writes while it is read-only, and takes it again afterwards', async () => {
      await connect();
      await server.setReadOnly(true);
      await until('it is refused', () => outcome().then((message) => /read.only/i.test(message)));
      expect(await app.query('SELECT count(*) FROM fact')).toHaveLength(1);
      await server.setReadOnly(false);
      await until('it is taken', () => outcome().then((message) => message === 'taken'));
      await disconnect();
    });
  });
}

describe('a standby of a private postgres server', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;

  beforeAll(async () => {
    primary = await PostgresServer.launch();
    await primary.query('CREATE TABLE fact (n int)');
    standby = await PostgresServer.standbyOf(primary);
    await primary.demandStandby();
  });

  afterAll(async () => {
    await standby?.remove();
    await primary?.remove();
  });

  it('makes commits wait until it has them', async () => {
    standby.freeze();
    let isCommitted = false;
    const commit = primary.query(INSERT).finally(() => {
      isCommitted = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200)); // the time in which it would have been committed
    expect(isCommitted).toBe(false);
    standby.thaw();
    await commit;
  });

  it('refuses writes, and after its promotion has what was committed and takes them', async () => {
    await expect(standby.query(INSERT)).rejects.toThrow(/read-only/);
    await primary.query(INSERT);
    const [before] = await primary.query<{ n: string }>('SELECT count(*) AS n FROM fact');
    await primary.kill();
    await standby.promote();
    expect(await standby.query('SELECT count(*) AS n FROM fact')).toEqual([before]);
    await standby.query(INSERT);
  });
});

const ID = { postgres: 'SELECT pg_backend_pid() AS n', mariadb: 'SELECT connection_id() AS n' };
