import type { RedisOptions } from 'ioredis';
import { anything, boolean, fields, invalid, kind, listOf, text, whole, type Check } from '../option.checks.js';
import { queueName } from '../processing/handlers/handler.options.js';
import { eventClasses, type VerificationEventClass } from '../processing/handlers/verification.event.js';
import type { VerificationHandler } from '../processing/handlers/verification-handler.js';
import type { VerificationStatus } from '../contract/verification-status.js';
import { connectionOptions, type RedisConnectionOptions } from './redis.connection.js';

/**
 * Options of one queue.
 *
 * @publicApi
 */
export interface BullMqQueueOptions {
  /** Number of runs at the same time in this process. @default 20 */
  concurrency?: number;
  /**
   * Number of runs at the same time in all processes. It is kept in Redis, where the instance that starts last sets it;
   * without it, what is set there stays. @default no limit
   */
  globalConcurrency?: number;
  /** Most jobs that all workers of the queue begin in a time, by BullMQ's `limiter`. @default no limit */
  limiter?: {
    /** Number of jobs. */
    max: number;
    /** Milliseconds. */
    duration: number;
  };
  /** Number of jobs that may wait in Redis, about. More wait in the inbox. @default 20000 */
  maxWaiting?: number;
  /** Milliseconds of BullMQ's lock of a job. @default 30000 */
  lockDuration?: number;
}

/**
 * A handler of another codebase, which has workers of its own.
 *
 * @publicApi
 */
export interface RemoteHandlerOptions {
  /** Id of the handler there. */
  id: string;
  /** Classes of the events that it is subscribed to. */
  events: readonly VerificationEventClass[];
  /** Queue that its workers listen to. */
  queue: string;
}

/**
 * Options of `Cr3dentialsWebhookBullMqModule` that a factory may make.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookBullMqOptions {
  /**
   * Options of ioredis, or `{ url }`. Beneath them are `connectTimeout: 5000`, `socketTimeout: 30000`,
   * `keepAlive: 10000`, and a `reconnectOnError` that leaves a server which has become a replica.
   * `maxRetriesPerRequest` is set as BullMQ needs it.
   */
  connection: RedisConnectionOptions;
  /** Prefix of all keys in Redis. Each inbox in a Redis has one of its own. @default 'bull' */
  prefix?: string;
  /** Milliseconds after which a run that has not begun is enqueued again. @default 600000 */
  requeueAfter?: number;
  /** Failed jobs that are kept for a board: their number, and their age in seconds. @default 1000, for 604800 */
  keepFailed?: {
    /** Number of jobs. */
    count: number;
    /** Seconds. */
    age: number;
  };
  /** Handlers that live in other codebases. @default [] */
  remoteHandlers?: readonly RemoteHandlerOptions[];
  /** False: handlers with a queue run where their delivery is, and nothing connects to Redis. For tests. @default true */
  enabled?: boolean;
}

/**
 * Options that providers depend on: `forRootAsync` has them beside the factory.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookBullMqExtras {
  /** Queues by name. */
  queues: Readonly<Record<string, BullMqQueueOptions>>;
  /** Whether this process runs what waits in the queues. Names: only those queues. @default true */
  work?: boolean | readonly string[];
}

/** Settings of one queue. */
export type QueueSettings = Required<Omit<BullMqQueueOptions, 'limiter' | 'globalConcurrency'>> &
  Pick<BullMqQueueOptions, 'limiter' | 'globalConcurrency'>;

/** Options with every default filled in. */
export type BullMqSettings = Readonly<Required<Cr3dentialsWebhookBullMqOptions> & { connection: RedisOptions }>;

/** Extras with every default filled in. */
export interface BullMqExtraSettings {
  readonly queues: ReadonlyMap<string, QueueSettings>;
  /** Names of the queues that this process works on. */
  readonly work: ReadonlySet<string>;
}

/** Accepts an object that has all of these fields. */
function allOf(checks: Readonly<Record<string, Check>>): Check {
  const known = fields(checks);
  return (value, name) => {
    known(value, name);
    for (const [field, check] of Object.entries(checks))
      check((value as Record<string, unknown>)[field], `${name}.${field}`);
  };
}

const eventClass: Check = (value, name) => {
  if (!Object.values<unknown>(eventClasses).includes(value))
    throw invalid(`Option "${name}" must be the class of an event, such as VerificationCompleted.`);
};

const queueCheck = fields({
  concurrency: whole(1),
  globalConcurrency: whole(1),
  limiter: allOf({ max: whole(1), duration: whole(1) }),
  maxWaiting: whole(1),
  lockDuration: whole(1_000),
});

const connectionCheck: Check = (value, name) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalid(`Option "${name}" must be an object of ioredis options, not ${kind(value)}. Write { host, port }.`);
  if ('duplicate' in value || 'nodes' in value)
    throw invalid(`Option "${name}" is a client of Redis. Write its options, { host, port } or { url }.`);
  const { url } = value as { url?: unknown };
  if (url !== undefined && !/^rediss?:\/\/./.test(String(url)))
    throw invalid(`Option "${name}.url" must begin with redis:// or rediss://.`);
};

/** What BullMQ separates in a key is a colon. Braces are for Redis Cluster, which keeps one slot for what is in them. */
const prefixCheck: Check = (value, name) => {
  text(value, name);
  if (/^(\{[\w.-]{1,62}\}|[\w.-]{1,64})$/.test(String(value))) return;
  throw invalid(`Option "${name}" must be 1 to 64 letters, digits, ".", "_" or "-", which may be in braces.`);
};

const optionsCheck = fields({
  connection: connectionCheck,
  prefix: prefixCheck,
  requeueAfter: whole(1),
  keepFailed: allOf({ count: whole(0), age: whole(1) }),
  remoteHandlers: listOf(allOf({ id: text, events: listOf(eventClass), queue: queueName })),
  enabled: boolean,
});

const extrasCheck = fields({ queues: anything, work: anything });

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
export function parseBullMqOptions(options: Cr3dentialsWebhookBullMqOptions): BullMqSettings {
  optionsCheck(options, '');
  const { connection, prefix = 'bull', requeueAfter = 600_000, remoteHandlers = [], enabled = true } = options;
  const { keepFailed = { count: 1_000, age: 604_800 } } = options;
  if (enabled) connectionCheck(connection, 'connection');
  const redis = enabled ? connectionOptions(connection) : {};
  return { connection: redis, prefix, requeueAfter, keepFailed, remoteHandlers, enabled };
}

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
export function parseBullMqExtras(extras: Cr3dentialsWebhookBullMqExtras): BullMqExtraSettings {
  extrasCheck(extras, '');
  const { queues: given = {}, work = true } = extras;
  const queues = new Map<string, QueueSettings>();
  for (const [name, options] of Object.entries(given)) {
    queueName(name, 'queues');
    queueCheck(options, `queues.${name}`);
    const { concurrency = 20, globalConcurrency, limiter, maxWaiting = 20_000, lockDuration = 30_000 } = options;
    const limits = { ...(globalConcurrency && { globalConcurrency }), ...(limiter && { limiter }) };
    queues.set(name, { concurrency, maxWaiting, lockDuration, ...limits });
  }
  if (queues.size === 0) throw invalid('Option "queues" names no queue. Write queues: { reports: {} }.');
  if (typeof work !== 'boolean' && !Array.isArray(work))
    throw invalid(`Option "work" must be true, false or an array of names of queues, not ${kind(work)}.`);
  const worked: readonly string[] = typeof work === 'boolean' ? (work ? [...queues.keys()] : []) : work;
  const unknown = worked.find((name) => !queues.has(name));
  if (unknown !== undefined)
    throw invalid(`Option "work" names the queue "${unknown}". Name one of ${[...queues.keys()].join(', ')}.`);
  return { queues, work: new Set(worked) };
}

/** Returns a handler that a queue gives to another codebase. */
export function remoteHandler({ id, events, queue }: RemoteHandlerOptions): VerificationHandler {
  const names = new Set(events.map(({ eventName }) => eventName));
  const ofEvents = Object.entries(eventClasses).filter(([, { eventName }]) => names.has(eventName));
  const statuses = new Set(ofEvents.map(([status]) => status as VerificationStatus));
  if (statuses.size === 0) throw invalid(`The remote handler "${id}" has no event. Name the classes in "events".`);
  const none = { timeout: undefined, retry: undefined, concurrency: undefined, rateLimit: undefined };
  return {
    id,
    isRemote: true,
    transactional: false,
    statuses,
    settings: { ...none, priority: undefined, queue },
    handle() {
      throw new Error(`The handler "${id}" is not in this app.`);
    },
  };
}
