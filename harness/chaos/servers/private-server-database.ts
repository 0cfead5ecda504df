import type { DataSourceOptions } from 'typeorm';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import { registerCleanup } from '../cleanup.js';
import { prepareSchema, type DatabaseUnderTest } from '../database-under-test.js';
import { FakeClock } from './fake-clock.js';
import { MariadbServer } from './mariadb-server.js';
import { PrivateNetwork, type NetworkNamespace } from './network-namespace.js';
import { PostgresServer } from './postgres-server.js';
import type { PrivateServer } from './private-server.js';

const kinds = { postgres: PostgresServer, mariadb: MariadbServer };
type ServerKind = keyof typeof kinds;

/** `alone`: nothing but the server. `machines`: two machines of its own for the hosts. `clock`: a clock that can be set. */
type Surroundings = 'alone' | 'machines' | 'clock';

interface Place {
  readonly server: PrivateServer;
  readonly namespaces?: readonly NetworkNamespace[];
  readonly clock?: FakeClock;
}

/** Each server is started once, for all trials. */
const places = new Map<string, Promise<Place>>();
let databaseCount = 0;

/** An empty database on a private server. */
export class PrivateServerDatabase implements DatabaseUnderTest {
  private constructor(
    readonly kind: ServerKind,
    private readonly name: string,
    private readonly place: Place,
  ) {}

  static async open(kind: DatabaseKind, surroundings: Surroundings = 'alone'): Promise<PrivateServerDatabase> {
    if (kind === 'sqlite') throw new Error('SQLite has no server.');
    const place = await placeOf(kind, surroundings);
    const database = new PrivateServerDatabase(kind, `chaos_${++databaseCount}`, place);
    await place.server.query(`CREATE DATABASE ${database.name}`);
    await prepareSchema(database);
    return database;
  }

  /** @throws Error when the database is not on a private server */
  static of(database: DatabaseUnderTest): PrivateServerDatabase {
    if (database instanceof PrivateServerDatabase) return database;
    throw new Error('This fault needs a private server.');
  }

  get server(): PrivateServer {
    return this.place.server;
  }

  get namespaces(): readonly NetworkNamespace[] | undefined {
    return this.place.namespaces;
  }

  /** @throws Error when it cannot be set */
  get clock(): FakeClock {
    if (this.place.clock) return this.place.clock;
    throw new Error('This fault needs a server with a clock of its own.');
  }

  get options(): DataSourceOptions {
    return { type: this.kind, url: withDatabase(this.server.urlInNetwork, this.name) };
  }

  get directOptions(): DataSourceOptions {
    return { type: this.kind, url: withDatabase(this.server.administratorUrl, this.name) };
  }

  /** Leaves the database to the removal of its server, which may be down now. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Returns the address of that database on the same server. */
export function withDatabase(address: string, name: string): string {
  const url = new URL(address);
  url.pathname = `/${name}`;
  return url.href;
}

function placeOf(kind: ServerKind, surroundings: Surroundings): Promise<Place> {
  const key = `${kind} ${surroundings}`;
  const place = places.get(key) ?? create(kind, surroundings);
  places.set(key, place);
  return place;
}

async function create(kind: ServerKind, surroundings: Surroundings): Promise<Place> {
  const network = surroundings === 'machines' ? PrivateNetwork.create() : undefined;
  if (network) registerCleanup(async () => network.remove());
  const clock = surroundings === 'clock' ? new FakeClock() : undefined;
  if (clock) registerCleanup(async () => clock.remove());
  const server = await kinds[kind].launch({ network, clock });
  registerCleanup(() => server.remove());
  return { server, namespaces: network && [network.add(), network.add()], clock };
}
