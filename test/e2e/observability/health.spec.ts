import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import { PermanentError, OnVerification, type HealthOptions } from 'nestjs-cr3dentials-webhook';
import { Cr3dentialsWebhookHealth, Cr3dentialsWebhookHealthModule } from 'nestjs-cr3dentials-webhook/terminus';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { ReceivingLimit } from '../../../src/concurrency/receiving.limit.js';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { DatabaseClock } from '../../../src/database/database.clock.js';
import { ClaimRepository } from '../../../src/inbox/claim.repository.js';
import { MigrationQueries } from '../../../src/inbox/migration.queries.js';
import { InstanceRepository } from '../../../src/inbox/instance.repository.js';
import { GaugeQueries } from '../../../src/inbox/gauge.queries.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { HandlerQueues } from '../../../src/processing/dispatch/handler.queues.js';
import { DeliveryWorker } from '../../../src/processing/worker/delivery.worker.js';
import { RememberEvents, WaitAtAGate } from '../../support/app/doubles.js';
import { freshHost, sharedHost } from '../../support/app/fresh-host.js';
import { HealthController } from '../../support/app/health-controller.js';
import { payload } from '../../support/app/payload.js';
import { platforms, type WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

const DAY_MS = 86_400_000;
const SECRET = 'a-secret-of-more-than-16-characters';

class FailForGood {
  @OnVerification({ id: 'fail' })
  handle(): void {
    throw new PermanentError('for good');
  }
}

async function codesOf(app: WebhookApp, question?: 'alive' | 'ready' | 'well'): Promise<[string, string][]> {
  const { problems } = await app.inbox.health(question && { question });
  return problems.map(({ code, severity }) => [code, severity]);
}

async function ask(app: WebhookApp, path: string): Promise<unknown[]> {
  const answer = await fetch(app.url + path);
  return [answer.status, await answer.json()];
}

const up = (key: string) => [200, expect.objectContaining({ status: 'ok', details: { [key]: { status: 'up' } } })];

const degraded = () => Promise.resolve({ status: 'degraded', problems: [{ code: 'backlog', value: 90_000 }] });

/** As if the process had been looked at this much later. */
function later(milliseconds: number): void {
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + milliseconds);
}

describe.each(databases)('the numbers that probes ask for, on %s', (kind) => {
  const clock = new MovingClock();
  const host = sharedHost(kind, (a) => a.withClock(clock).withHandlers(FailForGood));

  it('are those of the inbox', async () => {
    const dead = payload();
    await host.app.post(dead);
    await host.app.delivery(dead.sessionId, 'dead');
    await host.app.post({ ...dead, proofHash: 'another' });
    await host.app.post(payload({ status: 'NEW' }));
    clock.advance(DAY_MS);
    expect(await host.app.nest.get(GaugeQueries).read()).toEqual({
      pending: 0,
      processing: 0,
      dead: 1,
      unhandled: 0,
      discarded: 0,
      oldestDue: 0,
      openRejections: { invalid: 0, 'unknown-status': 1, 'unexpected-data': 0, conflict: 1, stale: 0, superseded: 0 },
    });
    expect(await codesOf(host.app)).toEqual([
      ['dead-letters', 'degraded'],
      ['rejections', 'degraded'],
    ]);
  });
});

describe.each(databases)('the migrations that a probe asks for, on %s', (kind) => {
  const host = freshHost(kind);
  const NAME = 'Cr3dentialsWebhookInitial1795392000000';

  /** Starts an app, and changes its table of migrations. */
  async function withMigrations(
    statement: string,
    options: Partial<DataSourceOptions> = {},
  ): Promise<MigrationQueries> {
    const app = await host.start((a) => a.withDataSource(options));
    const table = options.migrationsTableName ?? 'migrations';
    await app.nest.get<DataSource>(getDataSourceToken()).query(statement.replace('%s', table));
    return app.nest.get(MigrationQueries);
  }

  it.each([['migrations'], ['webhook_migrations']])('are found in the table %s', async (migrationsTableName) => {
    const queries = await withMigrations('SELECT 1', { migrationsTableName });
    expect(await queries.missing()).toEqual([]);
    expect(await queries.missing([NAME, 'Cr3dentialsWebhookNext1895392000000'])).toEqual([
      'Cr3dentialsWebhookNext1895392000000',
    ]);
  });

  it('are missed where the host has them, and its table has not', async () => {
    const queries = await withMigrations('DELETE FROM %s');
    expect(await queries.missing()).toEqual([NAME]);
  });

  it('are not missed where something else runs them', async () => {
    const queries = await withMigrations('DELETE FROM %s');
    const { connection } = queries as unknown as { connection: DatabaseConnection };
    const { migrations } = connection.hostDataSource;
    migrations.splice(0);
    expect(await queries.missing()).toEqual([]);
  });

  it('are not missed where TypeORM synchronizes', async () => {
    const synchronized = await host.start((a) =>
      a.withDataSource({ synchronize: true, migrations: [], migrationsRun: false }),
    );
    expect(await synchronized.nest.get(MigrationQueries).missing()).toEqual([]);
  });
});

describe('health', () => {
  const host = freshHost('sqlite');

  it('tells of migrations that were not run, asks for them once in five minutes, and not where it cannot', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withClock(clock));
    const asked = jest.spyOn(app.nest.get(MigrationQueries), 'missing').mockResolvedValue(['one', 'another']);
    for (let n = 0; n < 3; n++)
      expect((await app.inbox.health()).problems).toEqual([
        {
          code: 'schema-incomplete',
          severity: 'degraded',
          message: 'Migrations of the inbox were not run.',
          value: 2,
          remedy: 'Run the migrations.',
        },
      ]);
    expect(await codesOf(app, 'alive')).toEqual([]);
    expect(await codesOf(app, 'ready')).toEqual([]);
    expect(asked).toHaveBeenCalledTimes(1);
    clock.advance(300_000);
    asked.mockRejectedValue(new Error('permission denied for table migrations'));
    expect(await codesOf(app)).toEqual([]);
    await app.inbox.health();
    expect(asked).toHaveBeenCalledTimes(2);
    clock.advance(300_000);
    asked.mockReturnValue(new Promise(() => {}));
    const begunAt = performance.now();
    expect(await codesOf(app)).toEqual([]);
    expect(performance.now() - begunAt).toBeLessThan(2_000);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is ok where nothing is wrong', async () => {
    const app = await host.start();
    for (const question of ['alive', 'ready', 'well'] as const)
      expect(await app.inbox.health({ question })).toEqual({ status: 'ok', problems: [] });
  });

  it('asks the database once in ten seconds, and once for all who ask together', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withClock(clock));
    const read = jest.spyOn(app.nest.get(GaugeQueries), 'read');
    const instances = jest.spyOn(app.nest.get(InstanceRepository), 'list');
    await Promise.all(Array.from({ length: 50 }, () => app.inbox.health()));
    await app.inbox.health();
    expect(read).toHaveBeenCalledTimes(1);
    clock.advance(10_000);
    await app.inbox.health();
    expect(read).toHaveBeenCalledTimes(2);
    expect(instances).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['fail', () => Promise.reject(new Error('down'))],
    ['do not answer', () => new Promise<never>(() => {})],
  ])('tells within about a second what else is wrong when the histories %s', async (_, list) => {
    const app = await host.start((a) => a.withHandlers(FailForGood));
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'dead');
    const asked = jest.spyOn(app.nest.get(InstanceRepository), 'list').mockImplementation(list);
    const begunAt = performance.now();
    const found = await Promise.all(Array.from({ length: 5 }, () => codesOf(app)));
    for (const codes of found) expect(codes).toEqual([['dead-letters', 'degraded']]);
    expect(performance.now() - begunAt).toBeLessThan(2_000);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('down'))],
    ['does not answer', () => new Promise<never>(() => {})],
  ])('tells within about a second that the database %s, and not to what restarts or removes', async (_, read) => {
    const app = await host.start();
    jest.spyOn(app.nest.get(GaugeQueries), 'read').mockImplementation(read);
    const begunAt = performance.now();
    expect(await codesOf(app)).toEqual([['database-unavailable', 'failing']]);
    expect(performance.now() - begunAt).toBeLessThan(2_000);
    expect(await codesOf(app, 'alive')).toEqual([]);
    expect(await codesOf(app, 'ready')).toEqual([]);
  });

  it('tells of a backlog by its age', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withClock(clock).withOptions({ processing: { enabled: false } }));
    await app.post(payload());
    clock.advance(59_000);
    expect(await codesOf(app)).toEqual([]);
    clock.advance(30_000);
    expect(await codesOf(app)).toEqual([
      ['nobody-processes', 'failing'],
      ['backlog', 'degraded'],
    ]);
    const { problems } = await app.inbox.health({ backlog: { degraded: Infinity, failing: 80_000 } });
    expect(problems).toContainEqual({
      code: 'backlog',
      severity: 'failing',
      message: 'Due deliveries wait.',
      value: expect.any(Number),
      remedy: expect.stringMatching(/^Look at /),
    });
    clock.advance(900_000);
    expect(await codesOf(app)).toEqual([
      ['nobody-processes', 'failing'],
      ['backlog', 'failing'],
    ]);
  });

  it('misses nobody who processes while the host lets deliveries wait', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withClock(clock).withOptions({ processing: { enabled: false } }));
    await app.post(payload());
    clock.advance(110_000);
    const failing = async (backlog: HealthOptions['backlog']) => (await app.inbox.health({ backlog })).status;
    expect(await failing({ degraded: 120_000 })).toBe('ok');
    expect(await failing({ degraded: Infinity })).toBe('ok');
    expect(await failing({ degraded: undefined } as HealthOptions['backlog'])).toBe('failing');
    clock.advance(20_000);
    expect(await failing({ degraded: 120_000 })).toBe('failing');
  });

  it.each([
    [{ question: 'live' }, '"question" must be one of "alive", "ready", "well"'],
    [{ question: 'alive', backlogs: {} }, 'Did you mean "backlog"?'],
    [{ backlog: 120_000 }, '"backlog" must be an object'],
    [{ deadLetters: { failing: NaN } }, '"deadLetters.failing" must be a number from 0'],
    [{ secretExpiry: '14d' }, '"secretExpiry" must be a number'],
  ])('is not told of what cannot be asked: %j', async (options, message) => {
    const app = await host.start();
    await expect(app.inbox.health(options as HealthOptions)).rejects.toThrow(message);
  });

  it('tells of secrets that expire, and of none that is valid', async () => {
    const clock = new MovingClock();
    const notAfter = new Date(Date.now() + 20 * DAY_MS);
    const secrets = [
      { value: SECRET, notAfter },
      { value: `${SECRET}!`, notAfter: new Date(Date.now() + DAY_MS) },
    ];
    const app = await host.start((a) => a.withClock(clock).withOptions({ auth: { secrets } }));
    expect(await codesOf(app)).toEqual([]);
    clock.advance(10 * DAY_MS);
    expect(await codesOf(app)).toEqual([['secret-expires', 'degraded']]);
    clock.advance(11 * DAY_MS);
    expect(await codesOf(app)).toEqual([['secrets-expired', 'failing']]);
  });

  it('tells of an inbox that is not durable, of a full queue and of clocks that are apart', async () => {
    const app = await host.start();
    const { instance: _, ...started } = { instance: '', routes: [], database: '', tables: '', handlers: {} };
    app.nest.get(Instrumentation).announce('started', { ...started, isDurable: false });
    jest.spyOn(app.nest.get(ReceivingLimit), 'fill', 'get').mockReturnValue(0.95);
    jest.spyOn(app.nest.get(DatabaseClock), 'offset', 'get').mockReturnValue(-6_000);
    expect(await codesOf(app)).toEqual([
      ['not-durable', 'failing'],
      ['inbox-full', 'degraded'],
      ['clock-apart', 'degraded'],
    ]);
    expect((await app.inbox.health({ clockOffset: 7_000 })).problems).toHaveLength(2);
  });

  it('tells of a worker whose polls do not end, while the database answers', async () => {
    const app = await host.start((a) => a.withHandlers(RememberEvents));
    const claim = jest.spyOn(app.nest.get(ClaimRepository), 'claim').mockImplementation(() => new Promise(() => {}));
    await until('a poll hangs', () => claim.mock.calls.length > 0);
    expect(await codesOf(app, 'alive')).toEqual([]);
    later(30_001);
    expect(await codesOf(app, 'alive')).toEqual([['worker-stuck', 'failing']]);
    jest.spyOn(app.nest.get(GaugeQueries), 'read').mockRejectedValue(new Error('down'));
    const clock = app.nest.get(DatabaseClock);
    const now = clock.now();
    jest.spyOn(clock, 'now').mockReturnValue(now + 60_000); // what was read is old
    expect(await codesOf(app, 'alive')).toEqual([]);
  });

  it('tells of a worker of a queue that takes nothing, and that a restart may mend it', async () => {
    const app = await host.start();
    jest.spyOn(app.nest.get(HandlerQueues), 'isStuck', 'get').mockReturnValue(true);
    expect(await codesOf(app, 'alive')).toEqual([['queue-stuck', 'failing']]);
    expect(await codesOf(app)).toEqual([['queue-stuck', 'failing']]);
    expect(await codesOf(app, 'ready')).toEqual([]);
  });

  it('tells of a Redis that does not answer, and asks for no restart', async () => {
    const app = await host.start();
    jest.spyOn(app.nest.get(HandlerQueues), 'isAnswering', 'get').mockReturnValue(false);
    expect(await codesOf(app)).toEqual([['queue-unavailable', 'degraded']]);
    for (const question of ['alive', 'ready'] as const) expect(await codesOf(app, question)).toEqual([]);
  });

  it('tells of leases that nobody renews, with deliveries in flight', async () => {
    const app = await host.start((a) => a.withHandlers(WaitAtAGate));
    await app.post(payload());
    await until('it is in flight', () => app.nest.get(WaitAtAGate).runs.length > 0);
    expect(await codesOf(app, 'alive')).toEqual([]);
    later(30_001); // the lease; the next renewal is due in 10 s
    expect(await codesOf(app, 'alive')).toContainEqual(['leases-not-renewed', 'failing']);
    app.nest.get(WaitAtAGate).gate.open();
    jest.restoreAllMocks();
  });

  it('tells that the shutdown has begun', async () => {
    const app = await host.start();
    await app.nest.get(DeliveryWorker).stop();
    expect(await codesOf(app, 'ready')).toEqual([['draining', 'failing']]);
    expect(await codesOf(app, 'alive')).toEqual([]);
    expect(await codesOf(app)).toEqual([]);
  });
});

describe.each(platforms)('the indicator for Terminus, on %s', (platform) => {
  const host = freshHost('sqlite');
  const configure = (clock = new MovingClock()) =>
    host.start((a) =>
      a
        .on(platform)
        .withClock(clock)
        .withHandlers(FailForGood)
        .importing(Cr3dentialsWebhookHealthModule)
        .withControllers(HealthController),
    );
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('answers three questions on three routes', async () => {
    const app = await configure();
    expect(await ask(app, '/health')).toEqual(up('cr3dentials-webhook'));
    expect(await ask(app, '/health/live')).toEqual(up('cr3dentials-webhook'));
    expect(await ask(app, '/health/ready')).toEqual(up('inbox'));
  });

  it('says what is degraded, and answers 200', async () => {
    const clock = new MovingClock();
    const app = await configure(clock);
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'dead');
    clock.advance(10_000);
    expect(await ask(app, '/health')).toMatchObject([
      200,
      { details: { 'cr3dentials-webhook': { status: 'degraded', problems: ['dead-letters'], 'dead-letters': 1 } } },
    ]);
  });

  it('answers 503 with codes and numbers, and nothing that the database says', async () => {
    const app = await configure();
    jest.spyOn(app.nest.get(GaugeQueries), 'read').mockRejectedValue(new Error('password of 10.0.0.1 is wrong'));
    const [status, body] = await ask(app, '/health');
    expect([status, body]).toMatchObject([
      503,
      { error: { 'cr3dentials-webhook': { status: 'down', problems: ['database-unavailable'] } } },
    ]);
    expect(JSON.stringify(body)).not.toContain('password');
    expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
    expect((await fetch(`${app.url}/health/live`)).status).toBe(200);
  });
});

describe('the indicator for Terminus 11, which knows no degraded', () => {
  it('says that it is up, and what is degraded', async () => {
    const session = { up: (details: object) => ({ inbox: { status: 'up', ...details } }) };
    const indicator = new Cr3dentialsWebhookHealth(
      { check: () => session } as never,
      { get: () => ({ health: degraded }) } as never,
    );
    indicator.onModuleInit();
    expect(await indicator.isWell()).toEqual({
      inbox: { status: 'up', degraded: true, problems: ['backlog'], backlog: 90_000 },
    });
  });

  it('does not boot without an inbox', () => {
    const none = {
      get: () => {
        throw new Error('Nest could not find it.');
      },
    };
    const indicator = new Cr3dentialsWebhookHealth({} as never, none as never);
    expect(() => indicator.onModuleInit()).toThrow(/forRoot/);
  });
});
