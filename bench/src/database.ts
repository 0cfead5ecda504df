import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';

export const databaseKinds = ['postgres', 'mariadb', 'sqlite'] as const;
export type DatabaseKind = (typeof databaseKinds)[number];

const serverUrls = {
  postgres: process.env.BENCH_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
  mariadb: process.env.BENCH_MARIADB_URL ?? 'mariadb://root@127.0.0.1:3306/test',
};

/** An empty database for one contender's run. */
export interface FreshDatabase {
  readonly options: DataSourceOptions;
  /** A connection beside the contender's. */
  readonly connection: DataSource;
  drop(): Promise<void>;
}

/** Dropped when the work is over. */
export async function withFreshDatabase<T>(
  kind: DatabaseKind,
  work: (database: FreshDatabase) => Promise<T>,
): Promise<T> {
  const database = await freshDatabase(kind);
  try {
    return await work(database);
  } finally {
    await database.drop();
  }
}

export async function freshDatabase(kind: DatabaseKind): Promise<FreshDatabase> {
  const name = `cr3d_bench_${randomBytes(4).toString('hex')}`;
  if (kind === 'sqlite') {
    const folder = await mkdtemp(join(tmpdir(), `${name}_`));
    return connected({ type: 'better-sqlite3', database: join(folder, 'bench.sqlite') }, () =>
      rm(folder, { recursive: true, force: true }),
    );
  }
  await administer(kind, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrls[kind]);
  url.pathname = `/${name}`;
  return connected({ type: kind, url: url.href }, () => administer(kind, `DROP DATABASE ${name}`));
}

/** On the server itself, not in a database of the benchmark. */
export async function administer(kind: 'postgres' | 'mariadb', statement: string): Promise<Record<string, unknown>[]> {
  const server = await new DataSource({ type: kind, url: serverUrls[kind] }).initialize().catch((error: unknown) => {
    throw new Error(`There is no ${kind} to measure: start it, or set BENCH_${kind.toUpperCase()}_URL.`, {
      cause: error,
    });
  });
  return server.query<Record<string, unknown>[]>(statement).finally(() => server.destroy());
}

async function connected(options: DataSourceOptions, remove: () => Promise<unknown>): Promise<FreshDatabase> {
  const connection = await new DataSource(options).initialize();
  return {
    options,
    connection,
    async drop() {
      await connection.destroy();
      await remove();
    },
  };
}
