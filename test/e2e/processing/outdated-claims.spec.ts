import { describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { Effect, withEffects } from '../../support/app/effects.js';
import { abandon, freshHost, Gate, RECEIVE_ONLY, type FreshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases, servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

const POOL_SIZE = 5;

/** Writes the content that it is given, and waits in its first run. */
class Book {
  readonly contents: unknown[] = [];
  readonly gate = new Gate();

  @OnVerification(VerificationCompleted, { id: 'book', transactional: true })
  async handle({ externalReferenceId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    this.contents.push(externalReferenceId);
    await manager.insert(Effect, { sessionId: String(externalReferenceId) });
    if (this.contents.length === 1) await this.gate.pass();
  }
}

function start(host: FreshHost): Promise<WebhookApp> {
  return host.start((a) => withEffects(a, { poolSize: POOL_SIZE } as object).withHandlers(Book));
}

/** As if the lease had run out while the process stood still, and another worker had returned the delivery. */
async function loseClaim(app: WebhookApp, sessionId: unknown): Promise<void> {
  const { id } = await app.delivery(sessionId, 'processing');
  await abandon(app, id, {
    state: 'pending',
    claimId: null,
    leaseExpiresAt: null,
    nextAttemptAt: Date.now() + 3_600_000,
  });
}

/** Sends other content for the session, and accepts it, in another process. */
async function acceptConflict(host: FreshHost, sessionId: unknown): Promise<void> {
  const app = await host.start((a) => withEffects(a).withHandlers(Book).withOptions(RECEIVE_ONLY));
  expect((await app.post(payload({ sessionId, externalReferenceId: 'new' }))).status).toBe(200);
  const [rejection] = await app.inbox.rejections.list();
  expect(await app.inbox.rejections.accept(rejection?.id ?? '')).toBe('accepted');
}

async function hasOnlyNewEffect(app: WebhookApp, sessionId: unknown): Promise<void> {
  const { runs } = await app.delivery(sessionId, 'completed');
  expect(runs.filter(({ state }) => state !== 'completed')).toEqual([]);
  expect(app.nest.get(Book).contents.at(-1)).toBe('new');
  const effects = await app.nest.get(DataSource).getRepository(Effect).find();
  expect(effects.map((effect) => effect.sessionId)).toEqual(['new']);
}

for (const kind of databases.filter((one) => one === 'sqlite')) {
  describe(`a worker that stood still in a transactional handler while other content was accepted, on ${kind}`, () => {
    const host = freshHost(kind);

    it('does not commit for the content before, and the new content takes effect', async () => {
      const app = await start(host);
      const body = payload({ externalReferenceId: 'old' });
      await app.post(body);
      const { gate, contents } = app.nest.get(Book);
      await until('the handler has begun', () => gate.arrivals === 1);
      await loseClaim(app, body.sessionId);
      await acceptConflict(host, body.sessionId);
      gate.open();
      await hasOnlyNewEffect(app, body.sessionId);
      expect(contents).toEqual(['old', 'new']);
    });
  });
}

for (const kind of servers) {
  describe(`a worker that stood still before a transactional handler while other content was accepted, on ${kind}`, () => {
    const host = freshHost(kind);

    it('does not commit for the content before, and the new content takes effect', async () => {
      const app = await start(host);
      app.nest.get(Book).gate.open();
      const runners = Array.from({ length: POOL_SIZE }, () => app.nest.get(DataSource).createQueryRunner());
      for (const runner of runners) await runner.connect();
      const body = payload({ externalReferenceId: 'old' });
      await app.post(body);
      // The pool of the app is used up, so what is looked at is looked at beside it.
      const beside = await host.database.connect({ entities: app.nest.get(DataSource).options.entities });
      const state = async () => (await beside.query<{ state: string }[]>(STATE))[0]?.state;
      await until('it is claimed', async () => (await state()) === 'processing');
      await beside.query(
        `UPDATE cr3dentials_webhook_delivery_state SET state = 'pending', claim_id = NULL, lease_expires_at = NULL,
           next_attempt_at = ${Date.now() + 3_600_000}`,
      );
      await acceptConflict(host, body.sessionId);
      expect(app.nest.get(Book).contents).toEqual([]);
      for (const runner of runners) await runner.release();
      await hasOnlyNewEffect(app, body.sessionId);
    });
  });
}

const STATE = 'SELECT state FROM cr3dentials_webhook_delivery_state';
