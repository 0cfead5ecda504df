import { describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import { servers } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

const CONNECTIONS = 4;
/** What a session looks like that is still with the former primary after a failover. */
const READ_ONLY = {
  postgres: 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
  mariadb: 'SET SESSION TRANSACTION READ ONLY',
};

describe.each(servers)('sessions of the inbox that have become read-only, on %s', (kind) => {
  const host = freshHost(kind);

  it('are given up, and new ones receive', async () => {
    const app = await host.start();
    const { dataSource } = app.nest.get(DatabaseConnection, { strict: false }) as unknown as { dataSource: DataSource };
    const runners = Array.from({ length: CONNECTIONS }, () => dataSource.createQueryRunner());
    for (const runner of runners) {
      await runner.connect();
      await runner.query(READ_ONLY[kind as keyof typeof READ_ONLY]);
    }
    for (const runner of runners) await runner.release();
    const statuses: number[] = [];
    for (let n = 0; n < 4 * CONNECTIONS; n++) statuses.push((await app.post(payload())).status);
    expect(statuses.slice(CONNECTIONS).filter((status) => status !== 200)).toEqual([]);
  });
});
