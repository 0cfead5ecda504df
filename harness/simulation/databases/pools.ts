import { createRequire } from 'node:module';
import { DataSource } from 'typeorm';
import { cr3dentialsWebhookEntities } from '../../../src/inbox/entities.js';
import type { Network } from '../driver/network.js';
import { SimulatedClient } from '../driver/simulated-client.js';

type ClientClass = new () => SimulatedClient;
interface Pool {
  on(event: 'connect' | 'error', listener: (client: SimulatedClient) => void): void;
}
type PoolClass = new (options: object) => Pool;
/** Fields of TypeORM's driver. */
interface DriverState {
  master: Pool;
  connectedQueryRunners: unknown[];
}

const { Pool } = createRequire(import.meta.url)('pg') as { Pool: PoolClass };

const POOL = { connectionTimeoutMillis: 5_000, idleTimeoutMillis: 60_000 };
/** Connections of the module, and of the host. */
export const CONNECTIONS = { own: 4, host: 6 } as const;
/** Milliseconds, as the session of the module has it. The host's waits without end. */
const LOCK_TIMEOUT_MS = 200;

/** The DataSources of one instance. They are made once, and get new pools for each process. */
export interface InstanceDatabases {
  readonly host: DataSource;
  readonly own: DataSource;
}

export async function openDatabases(network: Network): Promise<InstanceDatabases> {
  const open = (size: number) =>
    new DataSource({
      type: 'postgres',
      driver: { Pool: poolClass(network, 0, size) },
      database: 'simulation',
      entities: [...cr3dentialsWebhookEntities],
      logging: false,
      installExtensions: false,
    }).initialize();
  return { host: await open(CONNECTIONS.host), own: await open(CONNECTIONS.own) };
}

/** Gives the DataSources of an instance the pools of a new process. */
export function renewPools({ host, own }: InstanceDatabases, network: Network): void {
  renew(host, new (poolClass(network, 0, CONNECTIONS.host))({}));
  renew(own, new (poolClass(network, LOCK_TIMEOUT_MS, CONNECTIONS.own))({}));
}

function renew(dataSource: DataSource, pool: Pool): void {
  Object.assign(dataSource, { isInitialized: true }); // the process before may have closed it
  const state = dataSource.driver as unknown as DriverState;
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {})); // as the factory of the module does
  state.master = pool;
  state.connectedQueryRunners = [];
}

function poolClass(network: Network, lockTimeout: number, max: number): PoolClass {
  const Client: ClientClass = class extends SimulatedClient {
    constructor() {
      super(network, lockTimeout);
    }
  };
  return class extends Pool {
    constructor() {
      super({ ...POOL, max, Client });
    }
  };
}
