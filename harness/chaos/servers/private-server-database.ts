import type { DataSourceOptions } from 'typeorm';
import { registerCleanup } from '../cleanup.js';
import { prepareSchema, type DatabaseUnderTest } from '../database-under-test.js';
import { MariadbServer } from './mariadb-server.js';
import { PostgresServer } from './postgres-server.js';
import type { PrivateServer } from './private-server.js';
import type { DatabaseKind } from '../../../test/support/database/databases.js';

const kinds = { postgres: PostgresServer, mariadb: MariadbServer };
/** Each server is started once, for all trials. */
const servers = new Map<keyof typeof kinds, Promise<PrivateServer>>();
let databaseCount = 0;

/** An empty database on a private server. */
export class PrivateServerDatabase implements DatabaseUnderTest {
  private constructor(
    readonly kind: keyof typeof kinds,
    readonly server: PrivateServer,
    private readonly name: string,
  ) {}

  static async open(kind: DatabaseKind): Promise<PrivateServerDatabase> {
    if (kind === 'sqlite') throw new Error('SQLite has no server.');
    const server = await serverOf(kind);
    const database = new PrivateServerDatabase(kind, server, `chaos_${++databaseCount}`);
    await server.query(`CREATE DATABASE ${database.name}`);
    await prepareSchema(database);
    return database;
  }

  /** @throws Error when the database is not on a private server */
  static of(database: DatabaseUnderTest): PrivateServerDatabase {
    if (database instanceof PrivateServerDatabase) return database;
    throw new Error('This fault needs a private server.');
  }

  get options(): DataSourceOptions {
    return { type: this.kind, url: this.at(this.server.url) };
  }

  get directOptions(): DataSourceOptions {
    return { type: this.kind, url: this.at(this.server.administratorUrl) };
  }

  /** Leaves the database to the removal of its server, which may be down now. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  private at(address: string): string {
    const url = new URL(address);
    url.pathname = `/${this.name}`;
    return url.href;
  }
}

async function serverOf(kind: keyof typeof kinds): Promise<PrivateServer> {
  const server = servers.get(kind) ?? kinds[kind].launch();
  if (!servers.has(kind)) registerCleanup(async () => (await server).remove());
  servers.set(kind, server);
  return server;
}
