import type { DataSourceOptions } from 'typeorm';
import { undoAtExit } from '../cleaning.js';
import { furnish, type Ground } from '../ground.js';
import { MariadbServer } from './mariadb-server.js';
import { PostgresServer } from './postgres-server.js';
import type { PrivateServer } from './private-server.js';
import type { DatabaseKind } from '../../support/database/databases.js';

const kinds = { postgres: PostgresServer, mariadb: MariadbServer };
/** Each is started once, for all of its trials. */
const servers = new Map<keyof typeof kinds, Promise<PrivateServer>>();
let databases = 0;

/** An empty database on a server of our own. */
export class ServedGround implements Ground {
  private constructor(
    readonly kind: keyof typeof kinds,
    readonly server: PrivateServer,
    private readonly database: string,
  ) {}

  static async open(kind: DatabaseKind): Promise<ServedGround> {
    if (kind === 'sqlite') throw new Error('SQLite has no server.');
    const server = await serverOf(kind);
    const ground = new ServedGround(kind, server, `chaos_${++databases}`);
    await server.query(`CREATE DATABASE ${ground.database}`);
    await furnish(ground);
    return ground;
  }

  /** @throws Error where the trial is not on a server of our own */
  static of(ground: Ground): ServedGround {
    if (ground instanceof ServedGround) return ground;
    throw new Error('This fault is for a server of our own.');
  }

  get options(): DataSourceOptions {
    return { type: this.kind, url: this.at(this.server.url) };
  }

  get direct(): DataSourceOptions {
    return { type: this.kind, url: this.at(this.server.administratorUrl) };
  }

  /** The database goes with its server, which may not be there now. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  private at(address: string): string {
    const url = new URL(address);
    url.pathname = `/${this.database}`;
    return url.href;
  }
}

async function serverOf(kind: keyof typeof kinds): Promise<PrivateServer> {
  const server = servers.get(kind) ?? kinds[kind].started();
  if (!servers.has(kind)) undoAtExit(async () => (await server).remove());
  servers.set(kind, server);
  return server;
}
