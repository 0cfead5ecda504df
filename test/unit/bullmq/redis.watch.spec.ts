import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisWatch } from '../../../src/bullmq/redis.watch.js';
import { Gate } from '../../support/app/fresh-host.js';
import { fakeRedis, type FakeRedis } from '../../support/network/fake-redis.js';
import { until } from '../../support/time/until.js';

/** The inbox as the watch knows it. */
class Host {
  readonly enqueues = true;
  readonly clock = { now: () => Date.now() };
  readonly announced: [string, object][] = [];
  readonly instrumentation = { announce: (name: string, what: object) => void this.announced.push([name, what]) };
  recoveries = 0;

  constructor(private readonly recovers: (n: number) => Promise<number | undefined>) {}

  recover(): Promise<number | undefined> {
    return this.recovers(++this.recoveries);
  }

  names(): string[] {
    return [...new Set(this.announced.map(([name]) => name))];
  }
}

describe('the watch of Redis, whose database', () => {
  let redis: FakeRedis;
  let watch: RedisWatch;
  let answers = 0;

  beforeEach(async () => {
    answers = 0;
    redis = await fakeRedis();
  });

  afterEach(async () => {
    await watch.stop();
    await redis.close();
  });

  function watched(host: Host): void {
    const settings = { connection: { host: '127.0.0.1', port: redis.port }, prefix: 'bull' } as never;
    watch = new RedisWatch(
      host as never,
      settings,
      ['reports'],
      () => void answers++,
      () => Promise.resolve(),
    );
    watch.start();
  }

  it('takes long to make the runs due: Redis is not told to be down, and is probed meanwhile', async () => {
    const gate = new Gate();
    const host = new Host(() => gate.pass().then(() => 7));
    watched(host);
    await until('it was probed for longer than an answer may take', () => answers >= 4);
    expect([host.recoveries, watch.isUp, host.announced]).toEqual([1, true, []]);
    gate.open();
    await until('it is told of', () => host.announced.length === 1);
    expect(host.announced).toEqual([['queue-recovered', { count: 7, why: 'lost' }]]);
  });

  it('takes long to make the runs due: the end waits for it, and begins no other', async () => {
    const gate = new Gate();
    const host = new Host(() => gate.pass().then(() => 7));
    watched(host);
    await until('it has begun', () => host.recoveries === 1);
    let isStopped = false;
    const stopping = watch.stop().then(() => (isStopped = true));
    await sleep(200); // Redis has answered the goodbye
    expect(isStopped).toBe(false);
    gate.open();
    await stopping;
    expect([host.recoveries, host.names()]).toEqual([1, ['queue-recovered']]);
  });

  it('fails: Redis is not told to be down, and the runs are made due once it answers', async () => {
    const host = new Host((n) => (n < 3 ? Promise.resolve(undefined) : Promise.resolve(7)));
    watched(host);
    await until('they are due', () => host.names().includes('queue-recovered'));
    expect([host.names(), host.recoveries]).toEqual([['queue-recovered'], 3]);
    expect(host.announced.at(-1)).toEqual(['queue-recovered', { count: 7, why: 'lost' }]);
    expect(watch.isUp).toBe(true);
  });
});
