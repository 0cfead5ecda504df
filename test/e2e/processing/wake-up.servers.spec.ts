import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { randomUUID } from 'node:crypto';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { StatementWatch } from '../../support/database/statement-watch.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';

/** Longer than a test waits for a delivery. */
const NEVER = 15_000;
const LOST = /^WARN LISTEN\/NOTIFY does not work/;

class NoteTimes {
  readonly handledAt = new Map<string, number>();

  @OnVerification({ id: 'note' })
  handle({ sessionId }: VerificationEvent): void {
    this.handledAt.set(sessionId, performance.now());
  }
}

/** Resolves to the milliseconds from the answer to a POST until its handler was called. */
async function latency(receiving: WebhookApp, working: WebhookApp, timeoutMs = 3_000): Promise<number> {
  const sessionId = randomUUID();
  const { handledAt } = working.nest.get(NoteTimes);
  await receiving.post(payload({ sessionId }));
  const answeredAt = performance.now();
  await until('it is handled', () => handledAt.has(sessionId), timeoutMs);
  return (handledAt.get(sessionId) ?? NaN) - answeredAt;
}

/** Returns the sessions that listen. */
async function listening(beside: DataSource): Promise<{ pid: number }[]> {
  return beside.query(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`);
}

describe('instances that wake each other up, on postgres', () => {
  const host = freshHost('postgres');

  const receiver = (listenNotify: boolean) =>
    host.start((a) => a.withOptions({ database: { listenNotify }, processing: { enabled: false } }));

  const worker = (
    listenNotify: boolean,
    options: Partial<DataSourceOptions> = {},
    configure: (app: INestApplication) => void = () => {},
  ) =>
    host.start((a) =>
      a
        .withHandlers(NoteTimes)
        .withDataSource(options)
        .configured(configure)
        .withOptions({ database: { listenNotify }, processing: { pollInterval: NEVER, lease: NEVER } }),
    );

  it('handle what another has received long before their next poll', async () => {
    const [receiving, working] = [await receiver(true), await worker(true)];
    await until('the worker listens', async () => (await listening(await host.database.connect())).length === 1);
    const latencies: number[] = [];
    for (let n = 0; n < 20; n++) latencies.push(await latency(receiving, working));
    expect(Math.max(...latencies)).toBeLessThan(3_000);
  });

  it('would wait for the poll without it', async () => {
    const watch = new StatementWatch();
    const [receiving, working] = [await receiver(false), await worker(false, {}, watch.watch)];
    await until('it polls', () => watch.statements.some((statement) => /state = 'pending' AND next_/.test(statement)));
    await until('the poll is over', async () => (await working.inbox.stats()).processing === 0);
    await expect(latency(receiving, working, 1_500)).rejects.toThrow('never came true');
  });

  it('listen again after their connection was ended', async () => {
    const [receiving, working] = [await receiver(true), await worker(true)];
    const beside = await host.database.connect();
    const first = await until('the worker listens', async () => (await listening(beside))[0]);
    await beside.query(`SELECT pg_terminate_backend(${first.pid})`);
    await until('it is told', () => working.logger.matching(LOST).length === 1);
    await until('it listens again', async () => (await listening(beside)).some(({ pid }) => pid !== first.pid), 9_000);
    await latency(receiving, working);
    expect(working.logger.matching(LOST)).toHaveLength(1);
  });

  it('find out when their connection falls silent', async () => {
    const proxy = await TcpProxy.to((host.database.options as { url?: string }).url);
    const [receiving, working] = [
      await receiver(true),
      await worker(true, { url: proxy.url } as Partial<DataSourceOptions>),
    ];
    const beside = await host.database.connect();
    const first = await until('the worker listens', async () => (await listening(beside))[0]);
    proxy.silence();
    await until('it is told', () => working.logger.matching(LOST).length === 1, 25_000);
    await until('it listens again', async () => (await listening(beside)).some(({ pid }) => pid !== first.pid), 12_000);
    const isListening = () =>
      latency(receiving, working, 500).then(
        () => true,
        () => false,
      );
    await until('it hears again', isListening, 12_000);
    expect(working.logger.matching(LOST)).toHaveLength(1);
    await host.stop(working);
    await proxy.refuse();
  }, 60_000);
});

describe.each(['sqlite', 'mariadb'] as const)('listenNotify on %s', (kind) => {
  const host = freshHost(kind);

  it('stops the boot, and says what to do', async () => {
    await expect(host.start((a) => a.withOptions({ database: { listenNotify: true } }))).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringMatching(/needs PostgreSQL, and the database is of type ".*"\. Leave the option out\./),
    });
  });
});
