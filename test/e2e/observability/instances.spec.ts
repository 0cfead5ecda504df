import { describe, expect, it, jest } from '@jest/globals';
import {
  OnVerification,
  PermanentError,
  VerificationCompleted,
  VerificationErrored,
  type InstanceState,
} from 'nestjs-cr3dentials-webhook';
import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { inPlainText } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { SECRET, type WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import { InstanceReporter } from '../../../src/instance-reports/instance.reporter.js';

const HOUR = 3_600_000;

class Ledger {
  @OnVerification(VerificationCompleted, { id: 'ledger.book', transactional: true })
  book(): void {}

  @OnVerification(VerificationErrored, { id: 'ledger.reverse' })
  reverse(): never {
    throw new PermanentError('Booking 4711 of "someone" is closed.');
  }
}

const write = (app: WebhookApp): Promise<void> => app.nest.get(InstanceReporter, { strict: false }).write();

async function states(app: WebhookApp): Promise<InstanceState[]> {
  return (await app.inbox.monitor.instances()).map(({ state }) => state);
}

describe.each(databases)('what instances write of themselves, on %s', (kind) => {
  const host = freshHost(kind);

  it('is who they are and what they have, without a secret', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Ledger).withOptions({ auth: { secrets: [{ id: '2026', value: SECRET }] } }),
    );
    await until('it has written', async () => (await states(app)).length === 1);
    const [instance] = await app.inbox.monitor.instances();
    expect(instance).toMatchObject({
      state: 'live',
      host: hostname(),
      pid: process.pid,
      receives: true,
      processes: true,
      stoppedAt: null,
      concurrency: 20,
      isDurable: true,
      secrets: ['2026'],
      secretExpiries: [null],
      version: '0.1.0',
      settings: { processing: { concurrency: 20, enabled: true }, auth: { acceptsEveryone: false } },
    });
    expect(instance?.handlers).toEqual(
      expect.arrayContaining([
        { id: 'ledger.book', statuses: ['COMPLETED'], isTransactional: true },
        { id: 'ledger.reverse', statuses: ['ERROR'], isTransactional: false },
      ]),
    );
    const beside = await host.database.connect();
    const rows = JSON.stringify(await beside.query('SELECT * FROM cr3dentials_webhook_instance'));
    expect(rows).toContain('ledger.book');
    expect(rows).not.toContain(SECRET);
  });

  it('ends with the stop, or with a silence', async () => {
    const clock = new MovingClock();
    const first = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    await until('it has written', async () => (await states(first)).length === 1);
    await host.stop(first);
    const second = await host.start((a) => a.withClock(clock).withOptions(RECEIVE_ONLY));
    await until('the other has stopped', async () => (await states(second)).join() === 'live,stopped');
    const third = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    await until('the third has written', async () => (await states(third)).length === 3);
    clock.advance(61_000);
    expect((await states(second)).toSorted()).toEqual(['live', 'lost', 'stopped']); // it knows of itself
    await write(second);
    await write(third);
    expect((await states(third)).toSorted()).toEqual(['live', 'live', 'stopped']);
    await host.stop(third);
    clock.advance(49 * HOUR);
    await write(second);
    expect(await states(second)).toEqual(['live']);
  });

  it('is nothing if they are not to', async () => {
    const app = await host.start((a) => a.withHandlers(Ledger).withOptions({ observe: false }));
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(await app.inbox.monitor.instances()).toEqual([]);
    const { since, points } = await app.inbox.history.tallies({ from: Date.now() - HOUR });
    expect([since, points.every(({ counts }) => Object.keys(counts).length === 0)]).toEqual([null, true]);
  });

  it('is when a secret was used, also after its end', async () => {
    const clock = new MovingClock();
    const old = 'an-old-secret-of-the-portal';
    const secrets = [
      { id: 'old', value: old, notAfter: new Date(Date.now() + HOUR) },
      { id: 'new', value: SECRET },
      { id: 'unused', value: 'a-secret-that-nobody-has-sent' },
    ];
    const app = await host.start((a) => a.withClock(clock).withOptions({ ...RECEIVE_ONLY, auth: { secrets } }));
    const send = (secret: string) => app.post(payload({ completedAt: null }), { headers: { 'x-api-key': secret } });
    expect([(await send(old)).status, (await send(SECRET)).status]).toEqual([200, 200]);
    await write(app);
    const [id] = (await app.inbox.monitor.instances()).map((instance) => instance.id);
    const before = new Map((await app.inbox.monitor.secrets()).map((use) => [use.id, use]));
    expect(before.get('old')).toMatchObject({ tenant: '', lastExpiredUseAt: null, instances: [id] });
    expect(before.get('old')?.notAfter).toBe(secrets[0]?.notAfter?.getTime());
    expect(before.get('unused')).toMatchObject({ firstUsedAt: null, lastUsedAt: null, instances: [id] });
    clock.advance(2 * HOUR);
    expect((await send(old)).status).toBe(401);
    await write(app);
    const after = new Map((await app.inbox.monitor.secrets()).map((use) => [use.id, use]));
    expect(after.get('old')?.firstUsedAt).toBe(before.get('old')?.firstUsedAt);
    expect(after.get('old')?.lastExpiredUseAt).toBe(after.get('old')?.lastUsedAt);
    expect(after.get('new')).toEqual(before.get('new'));
    const codes = (await app.inbox.monitor.problems()).map(({ code }) => code);
    expect(codes).toContain('expired-secret-used');
  });

  it('is what they have counted, in points', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withHandlers(Ledger).withClock(clock));
    const good = payload({ completedAt: null });
    const bad = payload({ status: 'ERROR', completedAt: null });
    for (const body of [good, good, bad]) await app.post(body);
    await app.post({ ...good, proofHash: 'another' });
    await app.post(payload({ status: 'NEW', completedAt: null }));
    await app.post(payload(), { headers: { 'x-api-key': 'wrong' } });
    await app.delivery(good.sessionId, 'completed');
    await app.delivery(bad.sessionId, 'dead');
    const counted = async (subject: string) => {
      await write(app);
      const { points, since } = await app.inbox.history.tallies({ subject, from: clock.now() - HOUR, step: 60_000 });
      expect(since).not.toBeNull();
      expect(points.length).toBeGreaterThanOrEqual(60);
      const counts: Record<string, number> = {};
      for (const point of points)
        for (const [name, count] of Object.entries(point.counts)) counts[name] = (counts[name] ?? 0) + count;
      return { counts, measured: points.flatMap(({ latency }) => latency ?? []) };
    };
    await until('it is settled', async () => (await counted('inbox')).counts.dead === 1);
    const inbox = await counted('inbox');
    expect(inbox.counts).toEqual({
      accepted: 2,
      duplicate: 1,
      conflict: 1,
      rejected: 1,
      unauthorized: 1,
      completed: 1,
      dead: 1,
    });
    expect(inbox.measured).toMatchObject([{ count: 1 }]);
    expect((await counted('handler:ledger.book')).counts).toEqual({ completed: 1 });
    expect((await counted('handler:ledger.reverse')).counts).toEqual({ dead: 1 });
    const recent = async (id: string) =>
      (await app.inbox.monitor.handlers()).find((handler) => handler.id === id)?.recent;
    expect(await recent('ledger.book')).toMatchObject({ runs: 1, failures: 0, success: 1, latency: { count: 1 } });
    expect(await recent('ledger.reverse')).toEqual({ runs: 1, failures: 1, success: 0, latency: null });
    await write(app); // the whole of it again: nothing is counted twice
    expect((await counted('inbox')).counts).toEqual(inbox.counts);
    clock.advance(3 * HOUR);
    expect(await recent('ledger.book')).toEqual({ runs: 0, failures: 0, success: null, latency: null });
    const hours = await app.inbox.history.tallies({ from: clock.now() - 24 * HOUR, step: HOUR });
    expect(hours.points.flatMap(({ counts }) => counts.accepted ?? [])).toEqual([2]);
    clock.advance(50 * HOUR);
    await write(app);
    expect(
      (await app.inbox.history.tallies({ from: clock.now() - 60 * HOUR, step: 15 * 60_000 })).points.flatMap(
        ({ counts }) => counts.accepted ?? [],
      ),
    ).toEqual([]);
    expect(
      (await app.inbox.history.tallies({ from: clock.now() - 60 * HOUR, step: HOUR })).points.flatMap(
        ({ counts }) => counts.accepted ?? [],
      ),
    ).toEqual([2]);
  });

  it.each([
    [{}, '"from"'],
    [{ from: 10, to: 5 }, '"from" is not before "to"'],
    [{ from: 0, to: HOUR, step: 90_000 }, '"step"'],
    [{ from: 0, to: HOUR, step: 0 }, '"step"'],
    [{ from: 0, to: HOUR, step: HOUR * 2 ** 900 }, '"step" is beyond every date'],
    [{ from: 0, to: 1e300, step: HOUR }, '"to" is beyond every date'],
    [{ from: 0, to: 1_000 * HOUR, step: HOUR }, 'more than 400 points'],
    [{ from: 0, sbuject: 'x' }, 'Unknown option "sbuject"'],
  ])('cannot be asked for with %j', async (query, message) => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    await expect(async () => app.inbox.history.tallies(query as { from: number })).rejects.toThrow(message);
  });

  it('is which handlers there are, and which nobody has any more', async () => {
    const first = await host.start((a) => inPlainText(a).withHandlers(Ledger));
    const bodies = Array.from({ length: 3 }, () => payload({ status: 'ERROR' }));
    for (const body of bodies) await first.post(body);
    for (const { sessionId } of bodies) await first.delivery(sessionId, 'dead');
    await write(first);
    const [instance] = await first.inbox.monitor.instances();
    const [none, three] = [0, 3].map((runs) => {
      return { runs, failures: runs, success: runs === 0 ? null : 0, latency: null };
    });
    const known = { instances: [instance?.id] };
    expect(await first.inbox.monitor.handlers()).toEqual(
      expect.arrayContaining([
        { ...known, id: 'ledger.book', statuses: ['COMPLETED'], isTransactional: true, dead: 0, recent: none },
        { ...known, id: 'ledger.reverse', statuses: ['ERROR'], isTransactional: false, dead: 3, recent: three },
      ]),
    );
    const errors = await first.inbox.monitor.errors();
    expect(errors).toMatchObject({
      deliveries: 3,
      isPartial: false,
      groups: [
        {
          handler: 'ledger.reverse',
          error: 'PermanentError: Booking # of … is closed.',
          count: 3,
          reason: 'handler',
          isTransactional: false,
          search: 'PermanentError: Booking',
        },
      ],
    });
    const [group] = errors.groups;
    const selection = { state: 'dead', handler: 'ledger.reverse', error: group?.search ?? '' } as const;
    expect(await first.inbox.bulk.preview({ action: 'replay', selection })).toMatchObject({ count: 3 });
    await host.stop(first);
    const second = await host.start((a) => inPlainText(a).withOptions(RECEIVE_ONLY));
    const orphan = (await second.inbox.monitor.handlers()).find(({ id }) => id === 'ledger.reverse');
    const nobodys = { statuses: [], isTransactional: null, instances: [] };
    expect(orphan).toEqual({ ...nobodys, id: 'ledger.reverse', dead: 3, recent: three });
    expect(await second.inbox.monitor.errors({ state: undefined } as object)).toMatchObject({ deliveries: 3 });
    await expect(second.inbox.monitor.errors({ state: 'completed' as 'dead' })).rejects.toThrow('"state"');
  });

  it('is asked for once, for all handlers together', async () => {
    const app = await host.start((a) => a.withHandlers(Ledger));
    const body = payload({ status: 'ERROR' });
    await app.post(body);
    await app.delivery(body.sessionId, 'dead');
    await write(app);
    // Timers of the app ask for the same tables, outside of this context.
    const asked = new AsyncLocalStorage<string[]>();
    const connection = app.nest.get(DatabaseConnection, { strict: false });
    const execute = connection.execute.bind(connection);
    const watch = jest.spyOn(connection, 'execute').mockImplementation((statement, lane) => {
      asked.getStore()?.push(statement.render(() => '?').text);
      return execute(statement, lane);
    });
    const texts: string[] = [];
    expect(await asked.run(texts, () => app.inbox.monitor.handlers())).toHaveLength(2);
    watch.mockRestore();
    for (const table of ['instance', 'tally', 'handler_run'])
      expect(texts.filter((text) => new RegExp(`SELECT[^]*FROM \\S*webhook_${table}\\b`).test(text))).toHaveLength(1);
  });

  it('tells that nobody processes, and what to do', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) => a.withClock(clock).withOptions(RECEIVE_ONLY));
    await app.post(payload({ completedAt: null }));
    await write(app);
    expect(await app.inbox.monitor.problems()).toEqual([]);
    clock.advance(61_000);
    const problems = await app.inbox.monitor.problems();
    expect(problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      'failing nobody-processes',
      'degraded backlog',
    ]);
    for (const { remedy } of problems) expect(remedy).toMatch(/^[A-Z].*\.$/);
    expect(await app.inbox.health()).toMatchObject({ status: 'failing' });
  });
});
