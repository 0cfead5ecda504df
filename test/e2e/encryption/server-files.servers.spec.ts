import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, PermanentError, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { DataSource } from 'typeorm';
import { binary } from '../../../harness/chaos/servers/binaries.js';
import { MariadbServer } from '../../../harness/chaos/servers/mariadb-server.js';
import { PostgresServer } from '../../../harness/chaos/servers/postgres-server.js';
import type { PrivateServer } from '../../../harness/chaos/servers/private-server.js';
import { withDatabase } from '../../../harness/chaos/servers/private-server-database.js';
import { RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { inPlainText, keyOf, sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp, type WebhookAppBuilder } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

type Server = PrivateServer & { readonly kind: 'postgres' | 'mariadb' };

/** Each server writes down every statement, and keeps all logs. */
const launch = {
  postgres: () =>
    PostgresServer.launch({}, 'logging_collector=on', 'log_statement=all', 'wal_keep_size=1GB', 'autovacuum=off'),
  mariadb: () => MariadbServer.launch({}, '--log-bin=binlog', '--general-log', '--general-log-file=statements.log'),
};

/** Where a server keeps what it was told, by the names of its files. */
const PLACES = {
  postgres: { tables: /^base\//, 'log of writes': /^pg_wal\//, 'log of statements': /^log\// },
  mariadb: {
    tables: /^inbox_\w+\/cr3dentials_webhook_\w+\.ibd$/,
    'log of writes': /^ib_logfile0$/,
    'binary log': /^binlog\.\d+$/,
    'log of statements': /^statements\.log$/,
  },
};

@Injectable()
class FailWithReason {
  static reason = '';

  @OnVerification(VerificationErrored, { id: 'fail' })
  handle(): never {
    throw new PermanentError(FailWithReason.reason);
  }
}

const wordFor = (what: string) => `${what}-${randomBytes(9).toString('hex')}`;

/** Texts that occur nowhere else. */
function words() {
  const [holder, reference, reason, detail, long] = ['holder', 'reference', 'reason', 'detail', 'long'].map(wordFor);
  return { holder, reference, reason, detail, long };
}

const nameOf = (app: WebhookApp) => String(app.nest.get(DataSource).driver.database);

const tablesOf = (app: WebhookApp) =>
  app.nest.get(DataSource).entityMetadatas.map(({ tableName }) => `${nameOf(app)}.${tableName}`);

const unused = () => Promise.reject(new Error('The spec looks at files.'));

const receivingInPlainText = (app: WebhookAppBuilder) => inPlainText(app).withOptions(RECEIVE_ONLY);

/** One of each kind of row that has contents, and one that is too long for a page. */
async function fill(app: WebhookApp, { holder, reference, reason, detail, long }: ReturnType<typeof words>) {
  FailWithReason.reason = String(reason);
  const extractedData = { accountHolder: holder };
  const body = payload({ externalReferenceId: reference, status: 'ERROR', extractedData });
  await app.post(body);
  await app.delivery(body.sessionId, 'dead');
  await app.post({ ...body, status: 'CANCELLED' }); // a conflict
  await app.post(payload({ status: detail }));
  const noise = randomBytes(12_000).toString('base64'); // it cannot be compressed
  await app.post(payload({ status: 'CANCELLED', extractedData: { long, noise } }));
}

describe.each(servers)('what a %s server keeps', (kind) => {
  let server: Server;
  let apps = 0;

  beforeAll(async () => {
    server = (await launch[kind as keyof typeof launch]()) as Server;
  }, 60_000);

  afterAll(() => server?.remove());

  async function withApp<T>(
    configure: (app: WebhookAppBuilder) => WebhookAppBuilder,
    act: (app: WebhookApp, url: string) => Promise<T>,
  ): Promise<T> {
    const name = `inbox_${++apps}`;
    await server.query(`CREATE DATABASE ${name}`);
    const url = withDatabase(server.url, name);
    const database = { kind: server.kind, options: { type: server.kind, url }, connect: unused, drop: unused };
    const app = await configure(webhookApp(database)).start();
    try {
      return await act(app, url);
    } finally {
      await app.stop();
    }
  }

  /** What a backup has. */
  async function dump(url: string): Promise<string> {
    const { hostname, port, pathname, username } = new URL(url);
    const [program, args] =
      kind === 'postgres'
        ? [binary('pg_dump', 'Install the clients of PostgreSQL.'), [`--dbname=${url}`]]
        : [
            binary('mariadb-dump', 'Install the clients of MariaDB.'),
            [
              '--no-defaults',
              `--host=${hostname}`,
              `--port=${port}`,
              `--user=${username}`,
              '--single-transaction',
              pathname.slice(1),
            ],
          ];
    return (await promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024 })).stdout;
  }

  /** Writes everything to the disk, and takes out of the pages what only older transactions could have seen. */
  async function flush(app: WebhookApp): Promise<void> {
    if (kind === 'postgres') return void (await server.query('CHECKPOINT'));
    await until('what was deleted is purged', async () => {
      const [row] = await server.query<{ Value: string }>(`SHOW STATUS LIKE 'Innodb_history_list_length'`);
      return Number(row?.Value) === 0;
    });
    await server.query(`FLUSH TABLES ${tablesOf(app).join(', ')} FOR EXPORT`);
    await server.query('UNLOCK TABLES');
  }

  /** Returns the word that 200 deliveries have which were erased. */
  async function erased(app: WebhookApp): Promise<string> {
    const { holder, reference } = words();
    const body = () => payload({ externalReferenceId: reference, extractedData: { holder, more: 'x'.repeat(700) } });
    await Promise.all(Array.from({ length: 200 }, () => app.post(body())));
    await flush(app);
    const erasure = await app.inbox.erase({ externalReferenceId: String(reference) });
    expect(erasure).toMatchObject({ state: 'done', deliveries: 200 });
    await flush(app);
    return String(holder);
  }

  /** The places in which a text is. */
  async function placesWith(word: string, url: string): Promise<string[]> {
    const files = server.filesWith(word);
    const found = Object.entries(PLACES[kind as keyof typeof PLACES]).filter(([, pattern]) =>
      files.some((file) => pattern.test(file)),
    );
    return [...((await dump(url)).includes(word) ? ['dump'] : []), ...found.map(([place]) => place)];
  }

  it('of a sealed inbox has no content: dump, files of tables, log of writes, log of statements', async () => {
    await withApp(
      (a) => sealedWith(['k-1'])(a).withHandlers(FailWithReason),
      async (app, url) => {
        const all = words();
        await fill(app, all);
        await flush(app);
        const key = keyOf('k-1').value.toString('latin1');
        for (const [what, word] of Object.entries({ ...all, key }))
          expect([what, await placesWith(String(word), url), server.filesWith(String(word))]).toEqual([what, [], []]);
        expect(await placesWith('.k-1.', url)).toEqual(['dump', ...Object.keys(PLACES[kind as keyof typeof PLACES])]);
      },
    );
  });

  it('control: of a plain inbox has each of them in all of these places', async () => {
    await withApp(
      (a) => inPlainText(a).withHandlers(FailWithReason),
      async (app, url) => {
        const all = words();
        await fill(app, all);
        await flush(app);
        for (const [what, word] of Object.entries(all))
          expect([what, await placesWith(String(word), url)]).toEqual([
            what,
            ['dump', ...Object.keys(PLACES[kind as keyof typeof PLACES])],
          ]);
      },
    );
  });

  if (kind === 'postgres')
    it('of an erased session is in no dump at once, in no file of a table after VACUUM FULL, and in the log of writes', async () => {
      await withApp(receivingInPlainText, async (app, url) => {
        const word = await erased(app);
        expect(await placesWith(word, url)).toEqual(['tables', 'log of writes', 'log of statements']);
        await app.nest.get(DataSource).query('VACUUM FULL');
        await flush(app);
        expect(await placesWith(word, url)).toEqual(['log of writes', 'log of statements']);
      });
    });

  if (kind === 'mariadb')
    it.each([
      ['scrubs what it deletes', 'ON', []],
      ['control: does not', 'OFF', ['tables']],
    ])('of an erased session is in no dump, and in no file of a table if the server %s', async (_, scrub, tables) => {
      await server.query(`SET GLOBAL innodb_immediate_scrub_data_uncompressed = ${scrub}`);
      await withApp(receivingInPlainText, async (app, url) => {
        const word = await erased(app);
        const logs = ['log of writes', 'binary log', 'log of statements'];
        expect(await placesWith(word, url)).toEqual([...tables, ...logs]);
        for (const table of tablesOf(app)) await server.query(`ALTER TABLE ${table} FORCE`);
        expect(await placesWith(word, url)).toEqual(logs);
      });
    });
});
