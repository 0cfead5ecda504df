import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventEmitter } from 'node:events';
import { DataSource } from 'typeorm';
import { freshDatabase, servers, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

interface Client extends EventEmitter {
  query(text: string): Promise<{ rows: { pid: number }[] }>;
  release(error?: Error): void;
}

interface Pool {
  readonly idleCount: number;
  connect(): Promise<Client>;
}

for (const kind of servers.filter((server) => server === 'postgres')) {
  describe('an idle connection that the server ends', () => {
    let database: TestDatabase;
    let app: WebhookApp;

    beforeEach(async () => {
      database = await freshDatabase(kind);
      app = await webhookApp(database).start();
    });

    afterEach(async () => {
      await app?.stop();
      await database.drop();
    });

    // As TypeORM has it in the moment between the pool and its own listener.
    it('does not end the process', async () => {
      const pool = (app.nest.get(DataSource).driver as unknown as { master: Pool }).master;
      const used: Client[] = [];
      while (pool.idleCount > 0) used.push(await pool.connect());
      const client = await pool.connect();
      const pid = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
      const ended = new Promise((resolve) => client.on('end', resolve));
      await (await database.connect()).query('SELECT pg_terminate_backend($1)', [pid]);
      await ended;
      client.release(new Error('It has ended.'));
      for (const other of used) other.release();
      expect(await app.post(payload())).toMatchObject({ status: 200 });
    });
  });
}
