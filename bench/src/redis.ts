import { Redis } from 'ioredis';

const url = new URL(process.env.BENCH_REDIS_URL ?? 'redis://127.0.0.1:6379');

/** Connection options, as BullMQ takes them. */
export const redisConnection = { host: url.hostname, port: Number(url.port || 6379), maxRetriesPerRequest: null };

/** @throws Error when there is none */
export async function describeRedis(): Promise<string> {
  const redis = new Redis({ ...redisConnection, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {}); // connect() rejects with it
  try {
    await redis.connect();
    const [version = ''] = /(?<=redis_version:)\S+/.exec(await redis.info('server')) ?? [];
    const settings = await redis.config('GET', 'append*');
    const [, appendOnly] = (settings as string[]).slice((settings as string[]).indexOf('appendonly'));
    const [, synced] = (settings as string[]).slice((settings as string[]).indexOf('appendfsync'));
    return `Redis ${version}, ${appendOnly === 'yes' ? `appendfsync ${synced}` : 'not on disk (appendonly no)'}`;
  } catch (error) {
    throw new Error(
      'BullMQ needs Redis: start it, set BENCH_REDIS_URL, or leave BullMQ out with --contenders and --engines.',
      {
        cause: error,
      },
    );
  } finally {
    redis.disconnect();
  }
}
