import type { RedisOptions as BullMqRedisOptions } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';

/** `reconnectOnError`: to connect again, and to send the command again. */
const RECONNECT_AND_RESEND = 2;
const DEFAULTS = { connectTimeout: 5_000, socketTimeout: 30_000, keepAlive: 10_000, reconnectOnError };
/** Options that a URL has outside of its query. The query may have any. */
const LOCATION = ['host', 'port', 'username', 'password', 'db', 'tls'];
const MAX_RECONNECT_DELAY_MS = 2_000;

/**
 * Options of ioredis, or a URL with them. An option wins against what the URL says.
 *
 * @publicApi
 */
export interface RedisConnectionOptions extends RedisOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://…` for TLS. Options may follow, as in `?family=6`. */
  url?: string;
}

/** Returns the options with what their URL says. */
export function connectionOptions({ url, ...options }: RedisConnectionOptions): RedisOptions {
  if (url === undefined) return options;
  const { options: read } = new Redis(url, { lazyConnect: true });
  const named = [...LOCATION, ...new URL(url).searchParams.keys()];
  const told = named.map((name) => [name, Reflect.get(read, name) as unknown] as const).filter(([, value]) => value);
  return { ...(Object.fromEntries(told) as RedisOptions), ...options };
}

/** After a failover, a connection may stay at the server that has become a replica, and refuses to write. */
function reconnectOnError({ message }: Error): typeof RECONNECT_AND_RESEND | false {
  return message.includes('READONLY') && RECONNECT_AND_RESEND;
}

function reconnectDelay(times: number): number {
  return Math.min(100 * times, MAX_RECONNECT_DELAY_MS);
}

/** Returns options with which a command fails at once if it cannot be sent. */
export function failFastConnection(connection: RedisOptions): RedisOptions {
  return { retryStrategy: reconnectDelay, ...DEFAULTS, ...connection, maxRetriesPerRequest: 1 };
}

/** Returns the options of a connection that gives jobs to a queue. */
export function producerConnection(connection: RedisOptions): BullMqRedisOptions {
  return toBullMq(failFastConnection(connection));
}

/** Returns the options of the connections of a worker, which wait for a reconnect. */
export function workerConnection(connection: RedisOptions): BullMqRedisOptions {
  return toBullMq({ retryStrategy: reconnectDelay, ...DEFAULTS, ...connection, maxRetriesPerRequest: null });
}

/** The types of BullMQ do not know that an option may be undefined. It passes them on to ioredis as they are. */
function toBullMq(options: RedisOptions): BullMqRedisOptions {
  return options as BullMqRedisOptions;
}
