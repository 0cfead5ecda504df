import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';

export type DatabaseKind = 'sqlite' | 'postgres' | 'mariadb';

/** `npm test` needs no server; `npm run test:all` fails where one is missing. */
export const databases: DatabaseKind[] =
  process.env.TEST_DATABASES === 'all' ? ['sqlite', 'postgres', 'mariadb'] : ['sqlite'];
export const servers = databases.filter((kind) => kind !== 'sqlite');

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
      return testDatabase(kind, options, () => rm(folder, { recursive: true, force: true }));
    }
    case 'postgres': {
      const server: DataSourceOptions = { type: 'postgres', url: TEST_POSTGRES_URL };
      await administer(server, `CREATE SCHEMA ${name}`);
      const options: DataSourceOptions = { ...server, schema: name, extra: { options: `-c search_path=${name}` } };
      return testDatabase(kind, options, () => administer(server, `DROP SCHEMA ${name} CASCADE`));
    }
    case 'mariadb': {
      const server: DataSourceOptions = { type: 'mariadb', url: TEST_MARIADB_URL };
      await administer(server, `CREATE DATABASE ${name}`);
      const url = new URL(TEST_MARIADB_URL);
      url.pathname = `/${name}`;
      return testDatabase(kind, { type: 'mariadb', url: url.href }, () => administer(server, `DROP DATABASE ${name}`));
    }
    default:
      return kind satisfies never;
  }
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
    },
  };
}

async function administer(server: DataSourceOptions, statement: string): Promise<void> {
  const connection = await new DataSource(server).initialize();
  await connection.query(statement).finally(() => connection.destroy());
}
