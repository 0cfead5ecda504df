import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { registerCleanup } from '../chaos/cleanup.js';

export const databaseKinds = ['postgres', 'mariadb', 'sqlite'] as const;
export type DatabaseKind = (typeof databaseKinds)[number];

const SERVERS = {
  postgres: process.env.SCALE_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
  mariadb: process.env.SCALE_MARIADB_URL ?? 'mariadb://root@127.0.0.1:3306/test',
};

/** Resolves to the options of a database: one that is dropped at the end, or one that is kept under its name. */
export async function databaseOf(kind: DatabaseKind, keep: string | undefined): Promise<DataSourceOptions> {
  const name = keep ?? `cr3d_scale_${randomBytes(4).toString('hex')}`;
  if (kind === 'sqlite') {
    const folder = join(tmpdir(), name);
    mkdirSync(folder, { recursive: true });
    if (keep === undefined) registerCleanup(() => rm(folder, { recursive: true, force: true }));
    return { type: 'better-sqlite3', database: join(folder, 'inbox.sqlite') };
  }
  if (!(await exists(kind, name))) await administer(kind, `CREATE DATABASE ${name}`);
  if (keep === undefined) registerCleanup(async () => void (await administer(kind, `DROP DATABASE ${name}`)));
  const url = new URL(SERVERS[kind]);
  url.pathname = `/${name}`;
  return { type: kind, url: url.href };
}

async function exists(kind: 'postgres' | 'mariadb', name: string): Promise<boolean> {
  const [table, column] =
    kind === 'postgres' ? ['pg_database', 'datname'] : ['information_schema.schemata', 'schema_name'];
  return (await administer(kind, `SELECT 1 FROM ${table} WHERE ${column} = '${name}'`)).length > 0;
}

async function administer(kind: 'postgres' | 'mariadb', statement: string): Promise<unknown[]> {
  const server = await new DataSource({ type: kind, url: SERVERS[kind] }).initialize().catch((error: unknown) => {
    const remedy = `start it, or set SCALE_${kind.toUpperCase()}_URL`;
    throw new Error(`There is no ${kind} to measure: ${remedy}.`, { cause: error });
  });
  return server.query<unknown[]>(statement).finally(() => server.destroy());
}
