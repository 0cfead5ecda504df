import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DataSource } from 'typeorm';

const {
  TEST_POSTGRES_URL = 'postgres://postgres@127.0.0.1:5432/test',
  TEST_MARIADB_URL = 'mariadb://root@127.0.0.1:3306/test',
} = process.env;

const servers = {
  postgres: { type: 'postgres', url: TEST_POSTGRES_URL },
  mariadb: { type: 'mariadb', url: TEST_MARIADB_URL },
};

export const kinds = ['sqlite', 'postgres', 'mariadb'];

/** Fails in one line when a server is missing. */
export async function demandServers() {
  for (const [kind, server] of Object.entries(servers)) {
    await administer(server, 'SELECT 1').catch((error) => {
      throw new Error(
        `${kind} is missing (${error.code ?? error.message}). Start it, or set TEST_${kind.toUpperCase()}_URL.`,
      );
    });
  }
}

/**
 * Gives an empty database's address to the work, and drops it afterwards.
 *
 * @param {string} kind
 * @param {string} folder where a database that is a file may be
 * @param {(url: string) => Promise<void>} work
 */
export async function withDatabase(kind, folder, work) {
  const name = `cr3d_compat_${randomBytes(6).toString('hex')}`;
  if (kind === 'sqlite') return work(join(folder, `${name}.sqlite`));
  const server = servers[kind];
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  await administer(server, `CREATE DATABASE ${name}`);
  try {
    await work(url.href);
  } finally {
    await administer(server, `DROP DATABASE ${name}`);
  }
}

async function administer(server, statement) {
  const connection = await new DataSource(server).initialize();
  await connection.query(statement).finally(() => connection.destroy());
}
