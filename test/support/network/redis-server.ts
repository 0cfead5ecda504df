import { Redis } from 'ioredis';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../time/until.js';
import { freePort } from './free-port.js';

/** A server of a test's own, which it may flush, kill and freeze. It keeps nothing on disk but what `save()` does. */
export class RedisServer {
  private child!: ChildProcess;

  private constructor(
    readonly port: number,
    private readonly settings: readonly string[],
  ) {}

  /** @param settings arguments of `redis-server` besides */
  static async start(...settings: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), settings);
    await server.restart();
    return server;
  }

  get connection(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  /** Starts it with nothing in it, or with what was saved. */
  async restart(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    // A name that nobody writes: a server reads what is there. As a replica, it writes its first copy of the data.
    const nothing = ['--dir', tmpdir(), '--dbfilename', this.dumpFile, '--repl-diskless-load', 'swapdb'];
    this.child = spawn('redis-server', [...own, ...nothing, ...this.settings], { stdio: 'ignore' });
    await until('Redis answers', () => this.use((redis) => redis.ping()).catch(() => null));
    await rm(join(tmpdir(), this.dumpFile), { force: true });
  }

  /** What is in it now is in it again after the next `restart()`, as if it were restored from a backup. */
  async save(): Promise<void> {
    await this.use((redis) => redis.save());
  }

  private get dumpFile(): string {
    return `none-${this.port}.rdb`;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** It answers nothing until `thaw()`, and keeps its connections. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async flush(): Promise<void> {
    await this.use((redis) => redis.flushall());
  }

  /** Does something with a connection of its own. */
  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis({ ...this.connection, maxRetriesPerRequest: 0, retryStrategy: () => null });
    redis.on('error', () => {}); // the command meets it
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }

  /** Everything in it, as text. */
  dump(): Promise<string> {
    return this.use(async (redis) => {
      const keys = await redis.keys('*');
      const values = await Promise.all(keys.map((key) => valueOf(redis, key)));
      return JSON.stringify(keys.map((key, index) => [key, values[index]]));
    });
  }
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key);
    case 'hash':
      return redis.hgetall(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, 0, -1);
    default:
      return redis.xrange(key, '-', '+');
  }
}
