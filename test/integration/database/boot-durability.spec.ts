import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  OnVerification,
  VerificationCompleted,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import { raw } from '../../../src/database/sql.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { platforms, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const IN_MEMORY =
  'WARN The inbox is in memory: nothing that is acknowledged survives this process. Use a database file or server outside tests. Cr3dentialsWebhook';

@Injectable()
class Accounts {
  readonly seen: string[] = [];
  failures = 1;

  @OnVerification({ id: 'fails-once' })
  failOnce(): void {
    if (this.failures-- > 0) throw new Error('The ledger is closed.');
  }

  @OnVerification(VerificationCompleted, { id: 'in-transaction', transactional: true })
  async write({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.query('CREATE TABLE IF NOT EXISTS seen (session VARCHAR(512))');
    await manager.query(`INSERT INTO seen (session) VALUES ('${sessionId}')`);
    this.seen.push(sessionId);
  }
}

/** What a host may write where the type wants one database's options. */
function host(options: Record<string, unknown>): Partial<DataSourceOptions> {
  return options;
}

/** A connection of better-sqlite3. */
interface File {
  pragma(text: string): unknown;
  function(name: string, answer: () => string): unknown;
}

/** As a host does that would rather be fast, and teaches its database a function. */
function prepareDatabase(file: File): void {
  file.pragma('journal_mode = DELETE');
  file.pragma('synchronous = OFF');
  file.function('greeting', () => 'hello');
}

/** The durability that the line at boot claims. */
function claimOf({ logger }: WebhookApp): string | undefined {
  return /inbox in \S+ .*\((durable|NOT durable)\)/.exec(logger.matching(/LOG POST/)[0] ?? '')?.[1];
}

let database: TestDatabase;
let app: WebhookApp;

afterEach(async () => {
  await app?.stop();
  await database?.drop();
});

describe.each(
  [
    ['better-sqlite3 in memory', host({ type: 'better-sqlite3', database: ':memory:' })],
    ['better-sqlite3 in a file that vanishes', host({ type: 'better-sqlite3', database: '' })],
    ['sqljs', host({ type: 'sqljs', database: undefined })],
  ].flatMap(([name, options]) => platforms.map((platform) => [name, platform, options] as const)),
)('a host on %s and %s', (_, platform, options) => {
  beforeEach(async () => {
    database = await freshDatabase('sqlite');
    app = await webhookApp(database)
      .on(platform)
      .withDataSource(options as Partial<DataSourceOptions>)
      .withHandlers(Accounts)
      .start();
  });

  it('warns that nothing is durable, and does not claim that it is', () => {
    expect(app.logger.matching(/in memory/)).toEqual([IN_MEMORY]);
    expect(claimOf(app)).toBe('NOT durable');
  });

  it('works from the POST to the handlers, with retries and duplicates', async () => {
    const [body, other] = [payload(), payload()];
    const answers = await Promise.all([body, body, other].map((one) => app.post(one)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await app.delivery(other.sessionId, 'completed');
    const delivery = await app.delivery(body.sessionId, 'completed');
    expect(delivery.duplicates).toBe(1);
    const stored: { session: string }[] = await app.nest.get(DataSource).query('SELECT session FROM seen');
    expect(stored.map(({ session }) => session).toSorted()).toEqual([body.sessionId, other.sessionId].toSorted());
  });
});

describe('a host on sqljs that starts from the bytes of a database', () => {
  it('logs nothing of their content', async () => {
    database = await freshDatabase('sqlite');
    const bytes = await anExportedDatabase();
    app = await webhookApp(database)
      .withDataSource(host({ type: 'sqljs', database: bytes }))
      .start();
    const [line = ''] = app.logger.matching(/LOG POST/);
    expect(line.length).toBeLessThan(400);
    expect(app.logger.matching(new RegExp(`SQLite format|${bytes.slice(0, 4).join()}`))).toEqual([]);
  });
});

describe('a host on a SQLite file', () => {
  it('is durable whatever its own connection is set to, and otherwise configured like it', async () => {
    database = await freshDatabase('sqlite');
    app = await webhookApp(database).withDataSource(host({ prepareDatabase })).start();
    const inbox = app.nest.get(DatabaseConnection, { strict: false });
    const theirs = app.nest.get(DataSource);
    expect((await inbox.execute(raw('PRAGMA synchronous'))).records).toEqual([{ synchronous: 2 }]);
    expect((await inbox.execute(raw('PRAGMA journal_mode'))).records).toEqual([{ journal_mode: 'wal' }]);
    expect(await theirs.query('PRAGMA synchronous')).toEqual([{ synchronous: 0 }]);
    expect((await inbox.execute(raw('SELECT greeting() AS word'))).records).toEqual([{ word: 'hello' }]);
    expect(claimOf(app)).toBe('durable');
    expect(app.logger.matching(/WARN.*(durable|crash|memory)/)).toEqual([]);
  });

  it('keeps an acknowledged delivery when a transaction of the host rolls back', async () => {
    database = await freshDatabase('sqlite');
    app = await webhookApp(database).start();
    const body = payload();
    const runner = app.nest.get(DataSource).createQueryRunner();
    await runner.startTransaction();
    expect(await app.post(body)).toMatchObject({ status: 200 });
    await runner.rollbackTransaction();
    await runner.release();
    expect(await app.delivery(body.sessionId, 'pending')).toMatchObject({ sessionId: body.sessionId });
  });
});

for (const kind of databases.filter((one) => one === 'postgres')) {
  describe('a host on PostgreSQL', () => {
    beforeEach(async () => {
      database = await freshDatabase(kind);
    });

    it('warns when its connections do not wait for the disk', async () => {
      const { extra } = database.options as { extra: { options: string } };
      app = await webhookApp(database)
        .withDataSource(host({ extra: { options: `${extra.options} -c synchronous_commit=off` } }))
        .start();
      expect(app.logger.matching(/could be lost/)).toEqual([
        'WARN An acknowledged delivery could be lost in a crash: PostgreSQL runs with synchronous_commit = off. Set it to on. Cr3dentialsWebhook',
      ]);
      expect(claimOf(app)).toBe('NOT durable');
    });

    it('logs the durability settings of its server', async () => {
      app = await webhookApp(database).start();
      const isOn: { setting: string }[] = await app.nest
        .get(DataSource)
        .query(`SELECT setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')`);
      const isDurable = isOn.every(({ setting }) => setting !== 'off');
      expect(claimOf(app)).toBe(isDurable ? 'durable' : 'NOT durable');
      expect(app.logger.matching(/could be lost/).length > 0).toBe(!isDurable);
    });
  });
}

for (const kind of databases.filter((one) => one === 'mariadb')) {
  describe('a host on MariaDB', () => {
    it('logs the durability settings of its server', async () => {
      database = await freshDatabase(kind);
      app = await webhookApp(database).start();
      const [server]: { flushed: unknown }[] = await app.nest
        .get(DataSource)
        .query('SELECT @@innodb_flush_log_at_trx_commit AS flushed');
      const isDurable = Number(server?.flushed) === 1;
      expect(claimOf(app)).toBe(isDurable ? 'durable' : 'NOT durable');
      expect(app.logger.matching(/could be lost/)).toHaveLength(isDurable ? 0 : 1);
    });
  });
}

async function anExportedDatabase(): Promise<Uint8Array> {
  const dataSource = await new DataSource({ type: 'sqljs' }).initialize();
  await dataSource.query('CREATE TABLE account (holder TEXT)');
  const bytes = dataSource.sqljsManager.exportDatabase();
  await dataSource.destroy();
  return bytes;
}
