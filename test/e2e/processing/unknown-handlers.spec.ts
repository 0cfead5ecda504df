import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { once } from 'node:events';
import { DataSource } from 'typeorm';
import { databases } from '../../support/database/databases.js';
import { abandon, freshHost } from '../../support/app/fresh-host.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** What both versions of a host have. */
class Known {
  calls = 0;

  @OnVerification({ id: 'known' })
  handle(): void {
    this.calls++;
  }
}

/** What the newer version of the host has beside it. */
class Added {
  readonly attempts: number[] = [];

  @OnVerification(VerificationCompleted, { id: 'added' })
  handle(_: VerificationEvent, { attempt }: HandlerContext): void {
    this.attempts.push(attempt);
    if (this.attempts.length === 1) throw new Error('not yet');
  }
}

/** Runs until it is interrupted. */
class WaitForTheEnd {
  @OnVerification({ id: 'known' })
  async handle(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    await once(signal, 'abort');
  }
}

class WaitForTheEndToo {
  begun = 0;

  @OnVerification({ id: 'added' })
  async handle(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    this.begun++;
    await once(signal, 'abort');
  }
}

class Third {
  begun = 0;

  @OnVerification({ id: 'third' })
  async handle(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    this.begun++;
    await once(signal, 'abort');
  }
}

const FORGOTTEN = /before its handlers were recorded/;

/** Has the same id for the same statuses. */
class AddedToAll {
  calls = 0;

  @OnVerification({ id: 'added' })
  handle(): void {
    this.calls++;
  }
}

/** One id for two statuses, of which the older version has only one. */
class AddedStatus {
  calls = 0;

  @OnVerification(VerificationCancelled, VerificationCompleted, { id: 'known' })
  handle(): void {
    this.calls++;
    if (this.calls === 1) throw new Error('not yet');
  }
}

class OldStatus {
  @OnVerification(VerificationCancelled, { id: 'known' })
  handle(): void {}
}

const NEVER = { processing: { retry: { initialDelay: 3_600_000, maxDelay: 3_600_000, jitter: 'none' } } } as const;

function isPending(app: WebhookApp, id: string) {
  return until('it is passed on', async () => {
    const delivery = await app.inbox.find(id);
    return delivery?.state === 'pending' ? delivery : null;
  });
}

/** It polls every 25 ms, and a look at the database is slower than some of them. */
async function takesNothing(app: WebhookApp, sessionId: unknown, state = 'pending'): Promise<void> {
  for (let looks = 0; looks < 20; looks++) await app.inbox.find({ sessionId: String(sessionId) });
  expect(await app.inbox.find({ sessionId: String(sessionId) })).toMatchObject({ state });
}

for (const kind of databases) {
  describe(`two versions of a host on ${kind}, of which only the newer has a handler`, () => {
    const host = freshHost(kind);

    const newer = (options = {}, clock?: MovingClock) =>
      host.start((a) => {
        a.withHandlers(Known, Added).withOptions(options);
        return clock ? a.withClock(clock) : a;
      });
    const older = (clock?: MovingClock) =>
      host.start((a) => (clock ? a.withHandlers(Known).withClock(clock) : a.withHandlers(Known)));

    /** A delivery whose handler `added` has failed once and is due, on no running instance. */
    async function leftBehind(): Promise<string> {
      const app = await newer(NEVER);
      const { sessionId } = payload();
      await app.post(payload({ sessionId }));
      const { id } = await app.delivery(sessionId, 'pending');
      await host.stop(app);
      return id;
    }

    it('leave the retries of that handler to the newer', async () => {
      const [old, recent] = [
        await older(),
        await newer({ processing: { retry: { initialDelay: 300, jitter: 'none' } } }),
      ];
      const bodies = Array.from({ length: 5 }, () => payload());
      const { attempts } = recent.nest.get(Added);
      attempts.push(0); // so that none of these is the first
      await recent.post(bodies[0]);
      await recent.delivery(bodies[0]?.sessionId, 'completed');
      attempts.length = 0;
      for (const body of bodies.slice(1)) await recent.post(body);
      for (const { sessionId } of bodies.slice(1)) {
        const { runs } = await recent.delivery(sessionId, 'completed');
        expect(runs.filter(({ state }) => state !== 'completed')).toEqual([]);
      }
      expect(attempts.toSorted()).toEqual([1, 1, 1, 1, 2]);
      expect(old.nest.get(Known).calls).toBe(0);
      expect(old.logger.matching(/waited for the handler/)).toEqual([]);
    });

    it('wait for that handler when the newer was interrupted in its first attempt', async () => {
      const recent = await host.start((a) =>
        a.withHandlers(WaitForTheEnd, WaitForTheEndToo).withOptions({ processing: { drainTimeout: 0 } }),
      );
      const body = payload();
      await recent.post(body);
      await until('both have begun', () => recent.nest.get(WaitForTheEndToo).begun > 0);
      await host.stop(recent);
      const old = await host.start((a) => a.withHandlers(Known));
      await until('the older one has run its own', () => old.nest.get(Known).calls === 1);
      expect(await isPending(old, (await old.inbox.list())[0]?.id ?? '')).toMatchObject({
        runs: [
          { handler: 'added', state: 'pending', attempts: 0 },
          { handler: 'known', state: 'completed' },
        ],
      });
    });

    it('do not end a delivery that waits for that handler: the older logs a warning and postpones it', async () => {
      const clock = new MovingClock();
      clock.advance(2 * 3_600_000);
      const id = await leftBehind();
      const old = await older(clock);
      await until('it is warned of', () => old.logger.matching(/waited for the handler "added"/).length > 0);
      const between = await isPending(old, id);
      expect(between.nextAttemptAt).toBeGreaterThan(clock.now());
      expect(between.runs).toMatchObject([
        { handler: 'added', state: 'pending', attempts: 1 },
        { handler: 'known', state: 'completed' },
      ]);
      clock.advance(31_000);
      const recent = await newer({}, clock);
      recent.nest.get(Added).attempts.push(1);
      await until('it is completed', async () => (await recent.inbox.find(id))?.state === 'completed');
      expect(recent.nest.get(Added).attempts).toEqual([1, 2]);
      expect(old.logger.matching(/waited for the handler "added"/)).toHaveLength(1);
    });

    it('do not lose a replay of that handler', async () => {
      const id = await leftBehind();
      const [old, recent] = [await older(), await newer({ processing: { enabled: false } })];
      expect(await recent.inbox.replay(id, { handlers: ['added'] })).toBe('replayed');
      await host.stop(recent);
      expect(await old.inbox.find(id)).toMatchObject({ state: 'pending' });
      const again = await newer();
      again.nest.get(Added).attempts.push(1);
      await until('it is completed', async () => (await again.inbox.find(id))?.state === 'completed');
      expect(again.nest.get(Added).attempts).toEqual([1, 1]);
    });

    it('do not complete a delivery for that handler when it is rescued by the older', async () => {
      const id = await leftBehind();
      const old = await older();
      await abandon(old, id);
      await until('it is rescued', () => old.logger.matching(/Rescued 1 delivery/).length > 0);
      expect((await isPending(old, id)).runs).toMatchObject([{ handler: 'added', state: 'pending' }, {}]);
    });

    /** A delivery whose first attempt has ended with the process of the newer, as a SIGKILL leaves it. */
    async function killedInFirstAttempt(): Promise<string> {
      const recent = await host.start((a) =>
        a.withHandlers(WaitForTheEnd, WaitForTheEndToo).withOptions({ processing: { drainTimeout: 0 } }),
      );
      await recent.post(payload());
      await until('both have begun', () => recent.nest.get(WaitForTheEndToo).begun > 0);
      const beside = await host.database.connect();
      const rows = await beside.query<{ delivery_id: string; claim_id: string }[]>(
        'SELECT delivery_id, claim_id FROM cr3dentials_webhook_delivery_state',
      );
      await host.stop(recent);
      await beside.query('DELETE FROM cr3dentials_webhook_handler_run');
      await beside.query(
        `UPDATE cr3dentials_webhook_delivery_state SET state = 'processing', next_attempt_at = NULL,
           claim_id = '${rows[0]?.claim_id}', lease_expires_at = ${Date.now() - 1_000}`,
      );
      return rows[0]?.delivery_id ?? '';
    }

    it('leave what the newer had begun when it was killed to the newer, for a lease', async () => {
      const id = await killedInFirstAttempt();
      const old = await older();
      for (let looks = 0; looks < 20; looks++) await old.inbox.find(id);
      expect(await old.inbox.find(id)).toMatchObject({ state: 'processing' });
      const recent = await host.start((a) => a.withHandlers(Known, AddedToAll));
      await until('it is completed', async () => (await recent.inbox.find(id))?.state === 'completed');
      expect(recent.nest.get(AddedToAll).calls).toBe(1);
      expect(old.logger.matching(FORGOTTEN)).toEqual([]);
    });

    it('remember the handlers of the newer when the older takes it after that', async () => {
      const id = await killedInFirstAttempt();
      const clock = new MovingClock();
      clock.advance(60_000);
      const old = await older(clock);
      await until('the older has run its own', () => old.nest.get(Known).calls === 1);
      expect((await isPending(old, id)).runs).toMatchObject([
        { handler: 'added', state: 'pending', attempts: 0 },
        { handler: 'known', state: 'completed' },
      ]);
      expect(old.logger.matching(FORGOTTEN)).toEqual([]);
      clock.advance(31_000);
      const recent = await host.start((a) => a.withHandlers(Known, AddedToAll).withClock(clock));
      await until('it is completed', async () => (await recent.inbox.find(id))?.state === 'completed');
      expect(recent.nest.get(AddedToAll).calls).toBe(1);
      expect(old.nest.get(Known).calls + recent.nest.get(Known).calls).toBe(1);
    });

    it('remember the handlers of both when the older is killed as well, before its first attempt has ended', async () => {
      const id = await killedInFirstAttempt();
      const clock = new MovingClock();
      clock.advance(60_000);
      const second = await host.start((a) =>
        a
          .withHandlers(Third)
          .withClock(clock)
          .withOptions({ processing: { drainTimeout: 0 } }),
      );
      await until('it has begun', () => second.nest.get(Third).begun > 0);
      await abandon(second, id);
      await host.stop(second);
      clock.advance(60_000);
      const old = await older(clock);
      await until('the oldest has run its own', () => old.nest.get(Known).calls === 1);
      expect((await isPending(old, id)).runs).toMatchObject([
        { handler: 'added', state: 'pending' },
        { handler: 'known', state: 'completed' },
        { handler: 'third', state: 'pending' },
      ]);
    });

    it('tell of it when the older takes one whose handlers nobody has recorded', async () => {
      const id = await killedInFirstAttempt();
      const beside = await host.database.connect();
      await beside.query('DELETE FROM cr3dentials_webhook_handler_set');
      const clock = new MovingClock();
      clock.advance(60_000);
      const old = await older(clock);
      await until('it is completed', async () => (await old.inbox.find(id))?.state === 'completed');
      expect(old.logger.matching(FORGOTTEN)).toEqual([expect.stringContaining(id)]);
    });

    it('keep a delivery dead when that handler is dead', async () => {
      const id = await leftBehind();
      const old = await older();
      await old.nest
        .get(DataSource)
        .query(`UPDATE cr3dentials_webhook_handler_run SET state = 'dead' WHERE handler = 'added'`);
      await old.nest.get(DataSource).query(`UPDATE cr3dentials_webhook_delivery_state SET next_attempt_at = 1`);
      const { runs } = await until('it is looked at', async () => {
        const delivery = await old.inbox.find(id);
        return delivery?.state === 'dead' ? delivery : null;
      });
      expect(runs).toMatchObject([{ handler: 'added', state: 'dead' }, { state: 'completed' }]);
    });

    it('tell handlers of one id apart by their status', async () => {
      const recent = await host.start((a) => a.withHandlers(AddedStatus).withOptions(NEVER));
      const body = payload();
      await recent.post(body);
      const { id } = await recent.delivery(body.sessionId, 'pending');
      await host.stop(recent);
      const clock = new MovingClock();
      clock.advance(2 * 3_600_000);
      const old = await host.start((a) => a.withHandlers(OldStatus).withClock(clock));
      await until('it is warned of', () => old.logger.matching(/waited for the handler "known"/).length > 0);
      expect(await isPending(old, id)).toMatchObject({ runs: [{ state: 'pending' }] });
    });
  });

  describe(`an app without handlers on ${kind}`, () => {
    const host = freshHost(kind);

    it('records, warns at boot, and leaves every delivery to an instance with handlers', async () => {
      const without = await host.start();
      const body = payload();
      expect((await without.post(body)).status).toBe(200);
      expect(await without.inbox.stats()).toMatchObject({ pending: 1, unhandled: 0 });
      expect(without.logger.matching(/No handler is subscribed/)).toHaveLength(1);
      await takesNothing(without, body.sessionId);
      const app = await host.start((a) => a.withHandlers(Known));
      await app.delivery(body.sessionId, 'completed');
      expect(app.nest.get(Known).calls).toBe(1);
      expect(app.logger.matching(/No handler is subscribed/)).toEqual([]);
    });

    it('does not rescue a delivery', async () => {
      const app = await host.start((a) => a.withHandlers(Known));
      const body = payload();
      await app.post(body);
      const { id } = await app.delivery(body.sessionId, 'completed');
      await host.stop(app);
      const without = await host.start();
      await abandon(without, id);
      await takesNothing(without, body.sessionId, 'processing');
      const next = await host.start((a) => a.withHandlers(Known));
      await without.delivery(body.sessionId, 'completed');
      expect(next.nest.get(Known).calls).toBe(1);
    });
  });
}
