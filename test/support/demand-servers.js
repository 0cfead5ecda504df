import { DataSource } from 'typeorm';

/**
 * Before any test: says where the servers are, and fails the run in one line when one is missing rather than each test
 * in its own way.
 */
export default async function demandServers() {
  process.env.TEST_POSTGRES_URL ??= 'postgres://postgres@127.0.0.1:5432/test';
  process.env.TEST_MARIADB_URL ??= 'mariadb://root@127.0.0.1:3306/test';
  if (process.env.TEST_DATABASES !== 'all') return;
  await demand('PostgreSQL', 'TEST_POSTGRES_URL', 'postgres');
  await demand('MariaDB', 'TEST_MARIADB_URL', 'mariadb');
}

async function demand(name, variable, type) {
  try {
    const server = await new DataSource({ type, url: process.env[variable] }).initialize();
    await server.destroy();
  } catch (error) {
    throw new Error(`${name} is missing (${error.code ?? error.message}). Start it, or set ${variable}.`, {
      cause: error,
    });
  }
}
