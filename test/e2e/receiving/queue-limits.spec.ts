import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cr3dentialsWebhookOptions } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { anyDatabase } from '../../support/database/databases.js';
import { platforms, SECRET, type Answer, type WebhookApp } from '../../support/app/webhook-app.js';
import { until } from '../../support/time/until.js';

const FULL = /^ERROR Answered 503 .*POSTs .*wait for the inbox already\. .*raise "receiving\.(\w+)"/;
const sumOf = (lines: readonly string[]) =>
  lines.reduce((sum, line) => sum + Number(/503 to (\d+) POST/.exec(line)?.[1]), 0);
const FAILED = /^ERROR Answered 503 to \d+ POSTs?, because "auth\.resolveSecrets" failed/;
const never = () => new Promise<never>(() => {});
const KILOBYTE = 1_000;

/** Breaks the contract, and differs from every other. */
const invalid = (bytes = 100) => payload({ platformId: 'none', extractedData: { all: 'x'.repeat(bytes) } });
const valid = (bytes = 100) => payload({ extractedData: { all: 'x'.repeat(bytes) } });

const matrix = anyDatabase.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('POSTs that wait for a record, on %s and %s', (kind, platform) => {
  const host = freshHost(kind);

  async function start(receiving: Cr3dentialsWebhookOptions['receiving']): Promise<WebhookApp> {
    return host.start((builder) => builder.on(platform).withOptions({ receiving }));
  }

  it.each([
    ['rejections by their number', { maxQueued: 5 }, invalid, 'maxQueued'],
    ['deliveries by their number', { maxQueued: 5 }, valid, 'maxQueued'],
    ['rejections by their bytes', { maxQueuedBytes: 55 * KILOBYTE }, () => invalid(10 * KILOBYTE), 'maxQueuedBytes'],
    ['deliveries by their bytes', { maxQueuedBytes: 55 * KILOBYTE }, () => valid(10 * KILOBYTE), 'maxQueuedBytes'],
  ] as const)('are bounded: %s', async (_, limit, make, option) => {
    const app = await start(limit);
    const held = await hold();
    const answers: Answer[] = [];
    const posts = Array.from({ length: 20 }, async () => answers.push(await app.post(make())));
    await until('the others are answered', () => answers.length === 15, 8_000).finally(held);
    expect(answers.map(({ status, headers }) => [status, headers['retry-after']])).toEqual(
      answers.map(() => [503, '5']),
    );
    await Promise.all(posts);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(15);
    expect((await app.inbox.stats()).refused.unavailable).toBe(15);
    const [line = ''] = app.logger.matching(FULL);
    expect(FULL.exec(line)?.[1]).toBe(option);
    await until('there is room again', async () => (await app.post(make())).status !== 503);
  });

  it('may be larger than the bound when they wait alone', async () => {
    const app = await start({ maxQueuedBytes: 10 });
    for (const [body, status] of [
      [valid(), 200],
      [invalid(), 400],
    ] as const)
      expect((await app.post(body)).status).toBe(status);
  });

  it('are dropped after ackTimeout, rejections too', async () => {
    const app = await start({ ackTimeout: 700 });
    const held = await hold();
    const bodies = Array.from({ length: 40 }, (_, n) => (n % 2 ? invalid() : valid()));
    const answers = await Promise.all(bodies.map((body) => app.post(body))).finally(held);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(40);
    // Behind all that was begun.
    await until('a later one is recorded', async () => (await app.post(valid())).status === 200);
    let later = 0;
    await until('a later one is rejected', async () => {
      later++;
      return (await app.post(invalid())).status === 400;
    });
    const { openRejections } = await app.inbox.stats();
    // The later ones, those under way, and those that followed them just before their own deadline: not all 20.
    expect(openRejections).toBeLessThanOrEqual(later + 8);
  });

  /** Nothing of ours can be written, until the returned function is called. */
  async function hold(): Promise<() => Promise<void>> {
    const beside = await host.database.connect();
    const runner = beside.createQueryRunner();
    const [begin, end] = {
      sqlite: [['BEGIN IMMEDIATE'], 'ROLLBACK'] as const,
      postgres: [['BEGIN', `LOCK TABLE ${TABLES.join(', ')} IN SHARE MODE`], 'ROLLBACK'] as const,
      mariadb: [[`LOCK TABLES ${TABLES.map((table) => `${table} READ`).join(', ')}`], 'UNLOCK TABLES'] as const,
    }[kind];
    for (const statement of begin) await runner.query(statement);
    return async () => {
      await runner.query(end);
      await runner.release();
    };
  }
});

const TABLES = ['cr3dentials_webhook_delivery', 'cr3dentials_webhook_rejection'];

describe.each(platforms)('POSTs that wait for their secrets, on %s', (platform) => {
  const host = freshHost('sqlite');

  it('are bounded by maxQueued, and logged once a second', async () => {
    let calls = 0;
    const resolveSecrets = () => {
      calls++;
      return never();
    };
    const app = await host.start(
      (builder) =>
        builder.on(platform).withOptions({ auth: { resolveSecrets }, receiving: { maxQueued: 5, ackTimeout: 5_000 } }), // all of them come within it
    );
    await Promise.all(Array.from({ length: 100 }, () => app.post(payload())));
    expect(calls).toBe(5);
    await until('all are told of', () => sumOf(app.logger.matching(FULL)) === 95);
    expect(app.logger.matching(FULL).length).toBeLessThan(10); // one at once, then one a second
    expect(app.logger.matching(FAILED)).not.toEqual([]);
    expect((await app.inbox.stats()).refused).toMatchObject({ unavailable: 95, 'secrets-unavailable': 5 });
  });

  it('are bounded by maxQueuedBytes', async () => {
    const app = await host.start((builder) =>
      builder.on(platform).withOptions({
        auth: { resolveSecrets: never },
        receiving: { maxQueuedBytes: 55 * KILOBYTE, ackTimeout: 1_000 },
      }),
    );
    await Promise.all(Array.from({ length: 20 }, () => app.post(valid(10 * KILOBYTE))));
    expect((await app.inbox.stats()).refused).toMatchObject({ unavailable: 15, 'secrets-unavailable': 5 });
  });

  it('ask for at most 100 at a time', async () => {
    let [running, mostAtOnce] = [0, 0];
    const resolveSecrets = async () => {
      mostAtOnce = Math.max(mostAtOnce, ++running);
      await sleep(1_000); // longer than it takes them to arrive
      running--;
      return { secrets: [SECRET] };
    };
    const app = await host.start((builder) => builder.on(platform).withOptions({ auth: { resolveSecrets } }));
    const answers = await Promise.all(Array.from({ length: 250 }, () => app.post(payload())));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(mostAtOnce).toBe(100);
  });

  it('give way to others when they never get an answer', async () => {
    let isHanging = true;
    const resolveSecrets = () => (isHanging ? never() : { secrets: [SECRET] });
    const app = await host.start((builder) =>
      builder.on(platform).withOptions({ auth: { resolveSecrets }, receiving: { ackTimeout: 1_000 } }),
    );
    const answers = await Promise.all(Array.from({ length: 150 }, () => app.post(payload())));
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(150);
    isHanging = false;
    expect((await app.post(payload())).status).toBe(200);
  });
});
