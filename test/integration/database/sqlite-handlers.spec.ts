import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource, type EntityManager } from 'typeorm';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

/** Does in its transaction what the test tells it to. */
@Injectable()
class DoAsTold {
  readonly gate = new Gate();
  readonly attempts: number[] = [];
  readonly errors: unknown[] = [];
  work: (manager: EntityManager, event: VerificationEvent) => Promise<unknown> = async () => {};

  @OnVerification({ id: 'told', transactional: true })
  async handle(event: VerificationEvent, { manager, attempt }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    try {
      await this.work(manager, event);
    } catch (error) {
      this.errors.push(error);
      throw error;
    }
  }
}

const write = (manager: EntityManager, { sessionId }: VerificationEvent) => manager.insert(Effect, { sessionId });
const soon = { processing: { retry: { initialDelay: 10, jitter: 'none' } } } as const;

describe('a transactional handler on SQLite', () => {
  const host = freshHost('sqlite');

  async function start(options: object = soon) {
    const app = await host.start((a) => withEffects(a).withHandlers(DoAsTold).withOptions(options));
    return { app, told: app.nest.get(DoAsTold), own: app.nest.get(DataSource) };
  }

  it('neither stops nor fails the writes of the host while it awaits something', async () => {
    const { app, told, own } = await start();
    told.work = async (manager, event) => {
      await write(manager, event);
      await told.gate.pass();
    };
    const body = payload();
    await app.post(body);
    await until('it waits in its transaction', () => told.gate.arrivals === 1);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await own.query(`CREATE TABLE other (id integer)`);
    for (let n = 0; n < 50; n++) await own.query(`INSERT INTO other VALUES (${n})`);
    await own.transaction(async (manager) => {
      await manager.query(`INSERT INTO other VALUES (50)`);
      await sleep(20);
    });
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(500);
    told.gate.open();
    await app.delivery(body.sessionId, 'completed');
    expect(told.attempts).toEqual([1]);
    expect(await effectsOf(app, body.sessionId)).toBe(1);
  });

  it('does not stop receiving while it hangs after a write', async () => {
    const { app, told } = await start({ processing: { ...soon.processing, handlerTimeout: 60_000 } });
    told.work = async (manager, event) => {
      await write(manager, event);
      await told.gate.pass();
    };
    const hanging = payload();
    await app.post(hanging);
    await until('it hangs', () => told.gate.arrivals === 1);
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.post(payload({ status: 'PAUSED' }))));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await effectsOf(app, hanging.sessionId)).toBe(0);
    told.gate.open();
    await app.delivery(hanging.sessionId, 'completed');
    expect(await effectsOf(app, hanging.sessionId)).toBe(1);
  });

  it('may write with an injected repository, before and after its manager', async () => {
    const { app, told, own } = await start();
    told.work = async (manager, event) => {
      await own.query(`INSERT INTO noted VALUES ('before')`);
      await write(manager, event);
      await own.query(`INSERT INTO noted VALUES ('between')`);
      await write(manager, event);
      await own.query(`INSERT INTO noted VALUES ('after')`);
    };
    await own.query('CREATE TABLE noted (text varchar)');
    const body = payload();
    const begunAt = performance.now();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(performance.now() - begunAt).toBeLessThan(3_000);
    expect(told.attempts).toEqual([1]);
    expect(await own.query('SELECT text FROM noted')).toHaveLength(3);
    expect(await effectsOf(app, body.sessionId)).toBe(2);
  });

  it('sees its own writes after it has awaited something, also in a nested transaction', async () => {
    const { app, told } = await start();
    const seen: number[] = [];
    told.work = async (manager, event) => {
      const count = async () => seen.push(await manager.countBy(Effect, { sessionId: event.sessionId }));
      await write(manager, event);
      await sleep(5);
      await count();
      await manager.transaction(async (nested) => {
        await write(nested, event);
        await sleep(5);
        await count();
      });
      const undone = manager.transaction(async (nested) => {
        await write(nested, event);
        await sleep(5);
        await count();
        throw new Error('not that one');
      });
      await undone.catch(() => {});
      await sleep(5);
      await Promise.all([write(manager, event), write(manager, event)]);
      await count();
    };
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(await effectsOf(app, body.sessionId)).toBe(4);
  });

  it('leaves nothing when it fails after it has awaited something', async () => {
    const { app, told } = await start({ processing: { retry: { attempts: 1 } } });
    told.work = async (manager, event) => {
      await write(manager, event);
      await sleep(5);
      await write(manager, event);
      throw new Error('no');
    };
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'dead');
    expect(await effectsOf(app, body.sessionId)).toBe(0);
  });

  it('leaves nothing when it fails, however its statements and those of the host follow each other', async () => {
    const { app, told, own } = await start({ processing: { retry: { attempts: 1 } } });
    told.work = async (manager, event) => {
      for (let n = 0; n < 20; n++) {
        const ask = async () => {
          for (let turns = 0; turns <= n; turns++) await Promise.resolve();
          await own.query('SELECT 1');
        };
        await Promise.all([write(manager, event), ask()]);
      }
      throw new Error('no');
    };
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'dead');
    expect(told.errors).toEqual([new Error('no')]);
    expect(await effectsOf(app, body.sessionId)).toBe(0);
  });

  it('runs again when somebody has changed what it had read', async () => {
    const { app, told, own } = await start();
    await own.query('CREATE TABLE balance (amount integer)');
    await own.query('INSERT INTO balance VALUES (100)');
    told.work = async (manager) => {
      const [{ amount }] = (await manager.query('SELECT amount FROM balance')) as [{ amount: number }];
      if (told.attempts.length === 1) await told.gate.pass();
      await manager.query('UPDATE balance SET amount = ?', [amount + 10]);
    };
    const body = payload();
    await app.post(body);
    await until('it has read', () => told.gate.arrivals === 1);
    await own.query('UPDATE balance SET amount = amount + 1');
    told.gate.open();
    await app.delivery(body.sessionId, 'completed');
    expect(await own.query('SELECT amount FROM balance')).toEqual([{ amount: 111 }]);
    expect(told.attempts).toEqual([1, 2]);
    expect(told.errors).toMatchObject([{ code: 'TRANSACTION_CONFLICT' }]);
  });

  it('takes effect once beside many others that write to the same table', async () => {
    const { app, told } = await start();
    told.work = async (manager, event) => {
      await write(manager, event);
      await write(manager, event);
    };
    const bodies = Array.from({ length: 100 }, () => payload());
    await Promise.all(bodies.map((body) => app.post(body)));
    for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
    const effects = await Promise.all(bodies.map(({ sessionId }) => effectsOf(app, sessionId)));
    expect(effects).toEqual(bodies.map(() => 2));
    expect(told.attempts).toHaveLength(100);
  });
});
