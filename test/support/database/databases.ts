import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { demandNoLeaks } from '../app/canaries.js';
import { lookAtColumns } from './inbox-columns.js';

export type DatabaseKind = 'sqlite' | 'postgres' | 'mariadb';

const { TEST_DATABASES = '' } = process.env;

/** The choices of `TEST_DATABASES`: `npm test` needs no server, `npm run test:all` fails where one is missing. */
const CHOICES: Record<string, DatabaseKind[]> = {
  '': ['sqlite'],
  all: ['sqlite', 'postgres', 'mariadb'],
  servers: ['postgres', 'mariadb'],
  postgres: ['postgres'],
  mariadb: ['mariadb'],
};

export const databases = CHOICES[TEST_DATABASES] ?? [];
export const servers = databases.filter((kind) => kind !== 'sqlite');
/** For rules that no database changes. */
export const anyDatabase: DatabaseKind[] = ['sqlite'];

// Their defaults are those of demand-servers.js, which runs before any test.
const { TEST_POSTGRES_URL = '', TEST_MARIADB_URL = '' } = process.env;

/** An empty database of a test's own. */
export interface TestDatabase {
  readonly kind: DatabaseKind;
  /** For a host's `TypeOrmModule.forRoot`. */
  readonly options: DataSourceOptions;
  /** A connection beside the app's, to look at what it has stored; with the same options and `more`. */
  connect(more?: Partial<DataSourceOptions>): Promise<DataSource>;
  drop(): Promise<void>;
}

export async function freshDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const name = `cr3d_${randomBytes(6).toString('hex')}`;
  switch (kind) {
    case 'sqlite': {
      const folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
      const options: DataSourceOptions = { type: 'better-sqlite3', database: join(folder, 'test.sqlite') };
      return testDatabase(kind, options, async () => {
        // An app that was refused at boot may still be opening its file.
        const removal = { recursive: true, force: true, maxRetries: 10 };
        await administer(options, lookAtColumns).finally(() => rm(folder, removal));
      });
    }
    case 'postgres': {
      const server: DataSourceOptions = { type: 'postgres', url: TEST_POSTGRES_URL };
      const drop = lookAndDrop(server, name);
      await administer(server, (connection) => connection.query(`CREATE SCHEMA ${name}`));
      const options: DataSourceOptions = { ...server, schema: name, extra: { options: `-c search_path=${name}` } };
      return testDatabase(kind, options, () => drop(`DROP SCHEMA ${name} CASCADE`));
    }
    case 'mariadb': {
      const server: DataSourceOptions = { type: 'mariadb', url: TEST_MARIADB_URL };
      const drop = lookAndDrop(server, name);
      await administer(server, (connection) => connection.query(`CREATE DATABASE ${name}`));
      const url = new URL(TEST_MARIADB_URL);
      url.pathname = `/${name}`;
      return testDatabase(kind, { type: 'mariadb', url: url.href }, () => drop(`DROP DATABASE ${name}`));
    }
    default:
      return kind satisfies never;
  }
}

/** As a host names it in one text: a file, or an address. */
export function urlOf({ kind, options }: TestDatabase): string {
  const { database, url = '', schema } = options as { database?: string; url?: string; schema?: string };
  if (kind === 'sqlite') return String(database);
  return kind === 'postgres' ? `${url}?options=-c%20search_path%3D${schema}` : url;
}

function testDatabase(kind: DatabaseKind, options: DataSourceOptions, drop: () => Promise<void>): TestDatabase {
  const connections: DataSource[] = [];
  return {
    kind,
    options,
    async connect(more = {}) {
      const connection = await new DataSource({ ...options, ...more } as DataSourceOptions).initialize();
      connections.push(connection);
      return connection;
    },
    async drop() {
      for (const connection of connections) if (connection.isInitialized) await connection.destroy();
      await drop();
      demandNoLeaks();
    },
  };
}

function lookAndDrop(server: DataSourceOptions, name: string): (statement: string) => Promise<void> {
  return (statement) =>
    administer(server, (connection) =>
      lookAtColumns(connection, name).finally(() => connection.query<unknown>(statement)),
    );
}

async function administer(options: DataSourceOptions, work: (connection: DataSource) => Promise<unknown>) {
  const connection = await new DataSource(options).initialize();
  await work(connection).finally(() => connection.destroy());
}
