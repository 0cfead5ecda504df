import { connect } from 'amqplib';
import { DataSource } from 'typeorm';

/**
 * Before any test: says where the servers are, and fails the run in one line when one is missing rather than each test
 * in its own way.
 */
export default async function demandServers() {
  process.env.TEST_POSTGRES_URL ??= 'postgres://postgres@127.0.0.1:5432/test';
  process.env.TEST_MARIADB_URL ??= 'mariadb://root@127.0.0.1:3306/test';
  process.env.TEST_RABBITMQ_URL ??= 'amqp://guest:guest@127.0.0.1:5672';
  const { TEST_DATABASES: wanted = '' } = process.env;
  if (wanted === '') return;
  if (!['all', 'servers', 'postgres', 'mariadb'].includes(wanted))
    throw new Error(`TEST_DATABASES is "all", "servers", "postgres", "mariadb" or nothing.`);
  if (wanted !== 'mariadb') await demand('PostgreSQL', 'TEST_POSTGRES_URL', (url) => database('postgres', url));
  if (wanted !== 'postgres') await demand('MariaDB', 'TEST_MARIADB_URL', (url) => database('mariadb', url));
  await demand('RabbitMQ', 'TEST_RABBITMQ_URL', async (url) => (await connect(url, { timeout: 5_000 })).close());
}

async function database(type, url) {
  const server = await new DataSource({ type, url }).initialize();
  await server.destroy();
}

async function demand(name, variable, visit) {
  try {
    await visit(process.env[variable]);
  } catch (error) {
    throw new Error(`${name} is missing (${error.code ?? error.message}). Start it, or set ${variable}.`, {
      cause: error,
    });
  }
}
