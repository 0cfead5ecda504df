import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { Table, type DataSource } from 'typeorm';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { HostProcess } from '../../support/app/host-process.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

/** Has work for seconds, so that the other gets some of it, and keeps its leases on a busy machine. */
const SLOW_WORKER = { HANDLER_TAKES: '150', LEASE: '30000' };

describe.each(databases)('on %s', (kind) => {
  let database: TestDatabase;
  let connection: DataSource;
  let hosts: HostProcess[];

  beforeEach(async () => {
    hosts = [];
    database = await freshDatabase(kind);
    connection = await database.connect({
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    });
    const effect = new Table({
      name: 'effect',
      columns: [
        { name: 'session', type: 'varchar', length: '64', isPrimary: true },
        { name: 'count', type: 'int' },
      ],
    });
    await connection.createQueryRunner().createTable(effect);
  });

  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.end('SIGKILL')));
    await database.drop();
  });

  async function start(environment: Record<string, string> = {}): Promise<HostProcess> {
    const host = await HostProcess.start(database, environment);
    hosts.push(host);
    return host;
  }

  const rows = <Row>(text: string) => connection.query<Row[]>(text);
  const escaped = (name: string) => connection.driver.escape(name);
  const effects = () =>
    rows<{ session: string; count: number }>(`SELECT session, ${escaped('count')} AS count FROM effect`);
  const states = () =>
    rows<{ session_id: string; state: string }>(
      'SELECT session_id, state FROM cr3dentials_webhook_delivery d JOIN cr3dentials_webhook_delivery_state s ON s.delivery_id = d.id',
    );

  const allCompleted = (sessions: string[]) =>
    until('every session is completed', async () => {
      const found = new Map((await states()).map(({ session_id: session, state }) => [session, state]));
      return sessions.every((session) => found.get(session) === 'completed');
    });

  describe.each(['between insert and answer', 'in a handler', 'between handler and completion'])(
    'a process killed %s',
    (place) => {
      it('loses nothing: another worker rescues the delivery once the lease has expired', async () => {
        const [victim, survivor] = [await start({ KILL_AT: place }), await start()];
        const body = payload();
        const answer = await victim.post(body);
        await until('the victim is dead', () => victim.hasEnded);
        const repeated = answer ?? (await survivor.post(body)); // a sender that had no answer sends again
        expect(repeated).toBe(200);
        await allCompleted([String(body.sessionId)]);
        expect(await effects()).toEqual([{ session: body.sessionId, count: 1 }]);
        const ends = () =>
          survivor.facts.filter(({ session, handler }) => session === body.sessionId && handler === 'ends');
        await until('it has said so', () => ends().length > 0);
        expect(ends()).toHaveLength(1);
        expect(survivor.errors.join('\n')).toMatch(/Rescued 1 delivery/);
      });
    },
  );

  describe('a process killed under load', () => {
    it('has every delivery it acknowledged in the inbox, and each takes effect once', async () => {
      const [victim, survivor] = [await start(), await start()];
      const acknowledged: string[] = [];
      let isAlive = true;
      const senders = Array.from({ length: 16 }, async () => {
        while (isAlive) {
          const sessionId = randomUUID();
          const status = await victim.post(payload({ sessionId }));
          if (status === 200) acknowledged.push(sessionId);
          else isAlive = false;
        }
      });
      await until('hundreds are acknowledged', () => acknowledged.length > 300);
      await victim.end('SIGKILL');
      await Promise.all(senders);
      await allCompleted(acknowledged);
      const counts = new Map((await effects()).map(({ session, count }) => [session, Number(count)]));
      expect(acknowledged.filter((session) => counts.get(session) !== 1)).toEqual([]);
      expect(survivor.hasEnded).toBe(false);
    });
  });

  describe('two processes on one database', () => {
    it('never run one handler of one delivery at the same time', async () => {
      const workers = await Promise.all([start(SLOW_WORKER), start(SLOW_WORKER)]);
      const receiver = await start({ PROCESSING: 'false' });
      const bodies = Array.from({ length: 400 }, () => payload());
      await Promise.all(bodies.map((body) => receiver.post(body)));
      await allCompleted(bodies.map(({ sessionId }) => String(sessionId)));
      const said = () =>
        workers.flatMap((worker, by) => worker.facts.filter(({ handler }) => handler).map((fact) => ({ ...fact, by })));
      await until('the workers have said so', () => said().length >= 2 * bodies.length);
      const facts = said().toSorted((a, b) => a.at - b.at);
      expect(workers.every((worker) => worker.facts.some(({ handler }) => handler === 'ends'))).toBe(true);
      // On a machine that is too busy to record what has ended, it may run once more: afterwards.
      const inTurns = /^begins ends( begins ends)*( begins)?$/;
      const overlapping = bodies
        .map(({ sessionId }) => facts.filter(({ session }) => session === sessionId))
        .filter((moments) => !inTurns.test(moments.map(({ handler }) => handler).join(' ')));
      expect({ overlapping, errors: overlapping.length > 0 ? workers.map(({ errors }) => errors) : [] }).toEqual({
        overlapping: [],
        errors: [],
      });
    }, 60_000);
  });

  describe('a process told to end', () => {
    it('finishes what it has begun and exits with 0', async () => {
      const worker = await start({ HANDLER_TAKES: '300' });
      const body = payload();
      expect(await worker.post(body)).toBe(200);
      await until('its handlers have begun', () => worker.facts.some(({ effect }) => effect === 'begins'));
      expect(await worker.end('SIGTERM')).toBe(0);
      expect((await states()).map(({ state }) => state)).toEqual(['completed']);
      expect(worker.facts.at(-1)).toMatchObject({ session: body.sessionId, handler: 'ends' });
    });
  });
});
