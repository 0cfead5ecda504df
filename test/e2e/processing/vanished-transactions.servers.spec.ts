import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { once } from 'node:events';
import { abandon, freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

/** What both versions of a host have. */
class Known {
  calls = 0;

  @OnVerification(VerificationCompleted, { id: 'known' })
  handle(): void {
    this.calls++;
  }
}

/** What the newer version has beside it. */
class Added {
  calls = 0;

  @OnVerification(VerificationCompleted, { id: 'added', transactional: true })
  async handle(): Promise<void> {
    this.calls++;
    return Promise.resolve();
  }
}

/** The same, in a process that is about to vanish. */
class Vanishing {
  begun = 0;

  @OnVerification(VerificationCompleted, { id: 'added' })
  async handle(_: VerificationCompleted, { signal }: HandlerContext): Promise<void> {
    this.begun++;
    await once(signal, 'abort');
  }
}

async function staysPending(app: WebhookApp, id: string): Promise<void> {
  await until('it is passed on', async () => (await app.inbox.find(id))?.state !== 'processing');
  expect(await app.inbox.find(id)).toMatchObject({ state: 'pending' });
}

for (const kind of servers) {
  describe(`a delivery whose run the transaction of a vanished machine has, on ${kind}`, () => {
    const host = freshHost(kind);
    let clock: MovingClock;
    let vanished: StandaloneInbox;
    let transaction: Promise<unknown>;
    let giveUp: () => void;

    beforeEach(() => {
      clock = new MovingClock();
    });

    afterEach(() => vanished.connection.close());

    const newer = () => host.start((a) => a.withHandlers(Known, Added).withClock(clock));
    const older = () => host.start((a) => a.withHandlers(Known).withClock(clock));

    /** The server keeps the transaction until `noticed()`. The lease has run out. */
    async function vanishedInFirstAttempt(): Promise<string> {
      const app = await host.start((a) =>
        a.withHandlers(Known, Vanishing).withOptions({ processing: { drainTimeout: 0 } }),
      );
      const body = payload();
      await app.post(body);
      await until('it has begun', () => app.nest.get(Vanishing).begun > 0);
      const { id, claimId } = await claimOf(body.sessionId);
      await host.stop(app);
      await vanished.dataSource.query('DELETE FROM cr3dentials_webhook_handler_run');
      const stopped = await older();
      await abandon(stopped, id, { claimId, leaseExpiresAt: clock.now() - 1 });
      await host.stop(stopped);
      await lockRun(id);
      return id;
    }

    async function claimOf(sessionId: unknown): Promise<{ id: string; claimId: string }> {
      vanished = await StandaloneInbox.open(host.database);
      const rows = await vanished.rows();
      const row = rows.find((one) => one.session_id === sessionId);
      return { id: String(row?.id), claimId: String(row?.claim_id) };
    }

    async function lockRun(deliveryId: string): Promise<void> {
      await new Promise<void>((locked) => {
        transaction = vanished.connection.handlerTransaction(async (execute) => {
          await vanished.runs.lock(execute, { deliveryId, handler: 'added', replays: 0 }, clock.now());
          locked();
          await new Promise<void>((_, reject) => {
            giveUp = () => reject(new Error('The server has noticed.'));
          });
        });
      });
    }

    async function noticed(): Promise<void> {
      giveUp();
      await expect(transaction).rejects.toThrow('The server has noticed.');
    }

    async function isCompletedByNewer(id: string): Promise<void> {
      const recent = await newer();
      await until('it is completed', async () => (await recent.inbox.find(id))?.state === 'completed');
      expect(recent.nest.get(Added).calls).toBe(1);
      expect((await recent.inbox.find(id))?.runs).toMatchObject([
        { handler: 'added', state: 'completed' },
        { handler: 'known', state: 'completed' },
      ]);
      const [row] = await vanished.rows();
      expect(row?.expected_handlers).toBeNull();
    }

    it('reaches its handler although the instance that rescues it does not have that handler', async () => {
      const id = await vanishedInFirstAttempt();
      clock.advance(60_000);
      const old = await older();
      await until('the older has run its own', () => old.nest.get(Known).calls === 1);
      await staysPending(old, id);
      clock.advance(31_000);
      await until('the older has tried again', async () => ((await old.inbox.find(id))?.dispatches ?? 0) > 2);
      await staysPending(old, id);
      await noticed();
      clock.advance(31_000);
      await until('its run is saved', async () => (await old.inbox.find(id))?.runs.length === 2);
      expect(old.nest.get(Known).calls).toBe(1);
      await host.stop(old);
      clock.advance(31_000);
      await isCompletedByNewer(id);
    });

    it('reaches its handler although an instance without it claims it next', async () => {
      const id = await vanishedInFirstAttempt();
      clock.advance(60_000);
      const recent = await newer();
      await until('the newer has run the other', () => recent.nest.get(Known).calls === 1);
      await staysPending(recent, id);
      expect(recent.nest.get(Added).calls).toBe(0);
      await host.stop(recent);
      clock.advance(31_000);
      const old = await older();
      await until('it is warned of', () => old.logger.matching(/waited for the handler "added"/).length > 0);
      await staysPending(old, id);
      await host.stop(old);
      await noticed();
      clock.advance(31_000);
      await isCompletedByNewer(id);
    });
  });
}
