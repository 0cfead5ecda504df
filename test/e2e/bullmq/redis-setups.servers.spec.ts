import { afterEach, describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { payload } from '../../support/app/payload.js';
import { freshQueues, QueueApps } from '../../support/app/queue-apps.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { freshDatabase, servers } from '../../support/database/databases.js';
import { RedisServer } from '../../support/network/redis-server.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';

class Reports {
  readonly runs: string[] = [];

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  render({ sessionId }: VerificationCompleted): void {
    this.runs.push(sessionId);
  }
}

const PASSWORD = 'a-password-of-redis';

const reportsOf = () => [{ provide: Reports, useValue: new Reports() }];

async function post(web: WebhookApp): Promise<string> {
  const body = payload();
  expect((await web.post(body)).status).toBe(200);
  return String(body.sessionId);
}

describe.each(servers)('queues in a Redis as hosts have it, on %s', (kind) => {
  const host = freshQueues(kind);
  const cleanUp: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    await host.apps.stop();
    for (const end of cleanUp.splice(0)) await end();
  });

  async function otherRedis(...settings: string[]): Promise<RedisServer> {
    const redis = await RedisServer.start(...settings);
    cleanUp.push(() => redis.kill());
    return redis;
  }

  it('are found by a URL with a user, a password and a database', async () => {
    await host.redis.use((redis) => redis.call('ACL', 'SETUSER', 'app', 'on', `>${PASSWORD}`, '~*', '&*', '+@all'));
    const url = `redis://app:${PASSWORD}@127.0.0.1:${host.redis.port}/3`;
    const web = await host.apps.web(reportsOf(), { connection: { url } });
    await host.apps.worker(reportsOf(), { connection: { url } });
    await web.delivery(await post(web), 'completed');
    const epoch = (db: number) =>
      host.redis.use(async (redis) => {
        await redis.select(db);
        return redis.exists('bull:cr3dentials-webhook:epoch');
      });
    await until('it is probed', () => epoch(3));
    expect(await epoch(0)).toBe(0);
  });

  it('may have a prefix in braces, as Redis Cluster asks for', async () => {
    const web = await host.apps.web(reportsOf(), { prefix: '{bull}' });
    await host.apps.worker(reportsOf(), { prefix: '{bull}' });
    await web.delivery(await post(web), 'completed');
    await until('it is probed', () => host.redis.use((redis) => redis.exists('{bull}:cr3dentials-webhook:epoch')));
    expect(await host.redis.use((redis) => redis.keys('bull:*'))).toEqual([]);
  });

  it('are told of when the password is wrong, without the password; the app receives', async () => {
    await host.redis.use((redis) => redis.config('SET', 'requirepass', PASSWORD));
    const connection = { ...host.redis.connection, password: 'a-wrong-password' };
    const web = await host.apps.web(reportsOf(), { connection });
    await host.apps.worker(reportsOf(), { connection });
    await web.delivery(await post(web), 'pending');
    await until('it is told of', () => host.apps.hasLogged(/does not answer.*(WRONGPASS|NOAUTH)/));
    expect(host.apps.hasLogged(/a-wrong-password/)).toBe(false);
  });

  it('are worked on by apps that started while Redis was down', async () => {
    await host.redis.kill();
    const web = await host.apps.web(reportsOf());
    await host.apps.worker(reportsOf());
    const sessionId = await post(web);
    await host.redis.restart();
    expect((await web.delivery(sessionId, 'completed')).runs).toMatchObject([{ attempts: 1 }]);
  });

  it('are followed to another server, when the one they had became its replica', async () => {
    const next = await otherRedis();
    const proxy = await TcpProxy.to(`tcp://127.0.0.1:${host.redis.port}`);
    cleanUp.push(() => proxy.refuse());
    const connection = { host: '127.0.0.1', port: Number(new URL(proxy.url).port) };
    const web = await host.apps.web(reportsOf(), { connection });
    await host.apps.worker(reportsOf(), { connection });
    await web.delivery(await post(web), 'completed');
    proxy.redirect(`tcp://127.0.0.1:${next.port}`); // connections stay at the server that they have
    await host.redis.use((redis) => redis.replicaof('127.0.0.1', next.port));
    const sessionId = await post(web);
    expect((await web.delivery(sessionId, 'completed')).runs).toMatchObject([{ attempts: 1 }]);
  });

  it('are told of when Redis evicts, and what it has evicted is enqueued again', async () => {
    const evicting = await otherRedis('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    const connection = evicting.connection;
    const web = await host.apps.web(reportsOf(), { connection, requeueAfter: 1_000 });
    await until('it is told of', () => host.apps.hasLogged(/"allkeys-lru".*noeviction/));
    const sessionId = await post(web);
    await until('a job waits', () => evicting.use((redis) => redis.llen('bull:reports:wait')));
    await evicting.use(async (redis) => redis.del(...(await redis.keys('bull:reports:*')))); // as an eviction does
    await host.apps.worker(reportsOf(), { connection });
    expect((await web.delivery(sessionId, 'completed')).runs).toMatchObject([{ attempts: 1 }]);
  });

  it('are told of when they get jobs of another inbox, which needs a prefix of its own', async () => {
    const otherDatabase = await freshDatabase(kind);
    const others = new QueueApps(otherDatabase, host.redis);
    cleanUp.push(
      () => others.stop(),
      () => otherDatabase.drop(),
    );
    const web = await host.apps.web(reportsOf());
    const sessionId = await post(web);
    await others.worker(reportsOf());
    await until('it is told of', () => others.hasLogged(/queue "reports".*not in this inbox.*prefix/));
    expect((await web.delivery(sessionId, 'pending')).runs).toMatchObject([{ attempts: 0 }]);
  });
});
