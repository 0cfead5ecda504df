import { describe, expect, it } from '@jest/globals';
import { DataSource, type QueryRunner } from 'typeorm';
import { randomUUID } from 'node:crypto';
import {
  OnVerification,
  VerificationCompleted,
  VerificationErrored,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { pooledPostgresDialect } from '../../../src/database/dialect/postgres.dialect.js';
import { idempotencyKey } from '../../../src/inbox/delivery.identity.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { alone, StandaloneInbox, unrecorded, verdictsOf } from '../../support/database/standalone-inbox.js';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

const DELIVERY = 'cr3dentials_webhook_delivery';
const STATE = 'cr3dentials_webhook_delivery_state';

class WaitAtTheGate {
  readonly gate = new Gate();
  aborted = 0;

  @OnVerification({ id: 'wait' })
  async handle(_: VerificationEvent, { signal }: { signal: AbortSignal }): Promise<void> {
    signal.addEventListener('abort', () => this.aborted++);
    await this.gate.pass();
  }
}

async function completed(app: WebhookApp) {
  const body = payload();
  await app.post(body);
  return { body, id: (await app.delivery(body.sessionId, 'completed')).id };
}

class BookWhenCompleted {
  fails = false;
  readonly sessions = new Set<string>();

  @OnVerification(VerificationCompleted, { id: 'book', transactional: true })
  async handle({ sessionId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    this.sessions.add(sessionId);
    if (this.fails) throw new Error('not yet');
    await manager.insert(Effect, { sessionId });
  }
}

class SucceedAtOnceWhenErrored {
  @OnVerification(VerificationErrored, { id: 'plain' })
  handle(): void {}
}

for (const kind of servers) {
  describe(`an inbox with a row that somebody has locked, on ${kind}`, () => {
    const host = freshHost(kind);

    /** Runs work while a transaction beside the app has changed a row, and has neither committed nor rolled back. */
    async function whileLocked<T>(change: string, work: (console: QueryRunner) => Promise<T>): Promise<T> {
      const beside = await host.database.connect();
      const console = beside.createQueryRunner();
      await console.startTransaction();
      await console.query(change);
      try {
        return await work(console);
      } finally {
        await console.rollbackTransaction();
        await console.release();
      }
    }

    it.each([
      ['updates the state of', (id: string) => `UPDATE ${STATE} SET rescues = 0 WHERE delivery_id = '${id}'`],
      ['updates', (id: string) => `UPDATE ${DELIVERY} SET tenant = 'x' WHERE id = '${id}'`],
      ['deletes', (id: string) => `DELETE FROM ${DELIVERY} WHERE id = '${id}'`],
      ['selects for update', (id: string) => `SELECT id FROM ${DELIVERY} WHERE id = '${id}' FOR UPDATE`],
    ])('goes on receiving when somebody %s it, and counts its duplicates afterwards', async (_, change) => {
      const app = await host.start((a) =>
        a.withHandlers(SucceedAtOnce).withOptions({ receiving: { ackTimeout: 3_000 } }),
      );
      const { body, id } = await completed(app);
      await whileLocked(change(id), async () => {
        const others = Array.from({ length: 30 }, () => payload());
        const bodies = others.flatMap((other, n) => (n % 3 ? [other] : [other, body]));
        const answers = await Promise.all(bodies.map((one) => app.post(one)));
        expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200));
        for (const { sessionId } of others) await app.delivery(sessionId, 'completed');
        expect(await app.nest.get(DataSource).query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
        expect(await app.post(payload({ ...body, proofHash: 'other' }))).toMatchObject({ status: 200 });
      });
      expect(await app.inbox.rejections.list()).toMatchObject([{ reason: 'conflict' }]);
      await until('its duplicates are counted', async () => (await app.inbox.find(id))?.duplicates === 10);
    });

    it('completes the others, and that one once it can', async () => {
      const app = await host.start((a) => a.withHandlers(WaitAtTheGate));
      const { gate } = app.nest.get(WaitAtTheGate);
      const bodies = Array.from({ length: 5 }, () => payload());
      await Promise.all(bodies.map((body) => app.post(body)));
      await until('all are being handled', () => gate.arrivals === 5);
      const [locked] = bodies;
      const { id } = await app.delivery(locked?.sessionId, 'processing');
      await whileLocked(`UPDATE ${STATE} SET reason = 'x' WHERE delivery_id = '${id}'`, async () => {
        gate.open();
        for (const { sessionId } of bodies.slice(1)) await app.delivery(sessionId, 'completed');
        expect((await app.inbox.find(id))?.state).toBe('processing');
      });
      await app.delivery(locked?.sessionId, 'completed');
      expect(gate.arrivals).toBe(5);
    });

    it('renews the leases of the others', async () => {
      const app = await host.start((a) => a.withHandlers(WaitAtTheGate).withOptions({ processing: { lease: 1_000 } }));
      const waiting = app.nest.get(WaitAtTheGate);
      const bodies = Array.from({ length: 5 }, () => payload());
      await Promise.all(bodies.map((body) => app.post(body)));
      await until('all are being handled', () => waiting.gate.arrivals === 5);
      const { id } = await app.delivery(bodies[0]?.sessionId, 'processing');
      await whileLocked(`UPDATE ${STATE} SET reason = 'x' WHERE delivery_id = '${id}'`, () =>
        until('the lease of that one is lost', () => waiting.aborted > 0),
      );
      expect(waiting.aborted).toBe(1);
      waiting.gate.open();
      for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
    });

    it('claims and rescues the others', async () => {
      const app = await host.start((a) => a.withOptions({ processing: { enabled: false } }));
      const bodies = Array.from({ length: 6 }, () => payload());
      await Promise.all(bodies.map((body) => app.post(body)));
      const ids = await Promise.all(bodies.map(async ({ sessionId }) => (await app.delivery(sessionId, 'pending')).id));
      const [locked, crashed, ...due] = ids;
      const abandoned = `state = 'processing', next_attempt_at = NULL, claim_id = 'gone', lease_expires_at = 1`;
      await app.nest
        .get(DataSource)
        .query(`UPDATE ${STATE} SET ${abandoned} WHERE delivery_id IN ('${locked}', '${crashed}')`);
      await app.nest.get(DataSource).query(`UPDATE ${STATE} SET rescues = 2 WHERE delivery_id = '${locked}'`);
      await whileLocked(
        `UPDATE ${STATE} SET reason = 'x' WHERE delivery_id IN ('${locked}', '${due[0]}')`,
        async () => {
          const worker = await host.start((a) => a.withHandlers(SucceedAtOnce));
          for (const id of [crashed, ...due.slice(1)])
            await until('it is completed', async () => (await worker.inbox.find(String(id)))?.state === 'completed');
          expect((await worker.inbox.find(String(locked)))?.state).toBe('processing');
          expect(worker.logger.matching(/Could not/)).toEqual([]);
        },
      );
      await until('that one is dead', async () => (await app.inbox.find(String(locked)))?.state === 'dead');
    });

    it('goes on receiving while a rejection is locked that is sent again', async () => {
      const app = await host.start((a) =>
        a.withHandlers(SucceedAtOnce).withOptions({ receiving: { ackTimeout: 3_000 } }),
      );
      const { body } = await completed(app);
      const conflict = payload({ ...body, proofHash: 'other' });
      await app.post(conflict);
      await whileLocked(`UPDATE cr3dentials_webhook_rejection SET repeats = 7`, async () => {
        const bodies = Array.from({ length: 60 }, (_, n) => (n % 2 ? payload() : conflict));
        const answers = await Promise.all(bodies.map((one) => app.post(one)));
        expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200));
        const [rejection] = await app.inbox.rejections.list();
        expect(await app.inbox.rejections.accept(String(rejection?.id))).toBe('busy');
      });
    });

    it('refuses a session alone that somebody else is inserting', async () => {
      const app = await host.start((a) =>
        a.withHandlers(SucceedAtOnce).withOptions({ receiving: { ackTimeout: 5_000 } }),
      );
      const { id } = await completed(app);
      const blocked = payload();
      const columns = `tenant, session_id, status, platform_id, raw_body, fingerprint, received_at`;
      const insert = `INSERT INTO ${DELIVERY} (id, idempotency_key, ${columns})
        SELECT '${randomUUID()}', '${idempotencyKey('', String(blocked.sessionId))}', ${columns} FROM ${DELIVERY} WHERE id = '${id}'`;
      await whileLocked(insert, async () => {
        for (let n = 0; n < 3; n++) {
          const bodies = [blocked, ...Array.from({ length: 20 }, () => payload())];
          const answers = await Promise.all(bodies.map((one) => app.post(one)));
          expect(answers.map(({ status }) => status)).toEqual([503, ...bodies.slice(1).map(() => 200)]);
        }
      });
      await until('it is taken', async () => (await app.post(blocked)).status === 200);
      await app.delivery(blocked.sessionId, 'completed');
    });

    it('processes the others while the runs of handlers are locked', async () => {
      const app = await host.start((a) =>
        withEffects(a)
          .withHandlers(BookWhenCompleted, SucceedAtOnceWhenErrored)
          .withOptions({ processing: { concurrency: 4, lease: 6_000, retry: { initialDelay: 100 } } }),
      );
      const booking = app.nest.get(BookWhenCompleted);
      booking.fails = true;
      const bodies = Array.from({ length: 12 }, () => payload());
      await Promise.all(bodies.map((body) => app.post(body)));
      const runs = 'cr3dentials_webhook_handler_run';
      await until('all have failed', () => booking.sessions.size === 12);
      await whileLocked(`UPDATE ${runs} SET last_error = 'x'`, async () => {
        booking.fails = false;
        for (let n = 0; n < 5; n++) {
          const plain = payload({ status: 'ERROR' });
          await app.post(plain);
          await app.delivery(plain.sessionId, 'completed');
        }
      });
      await until('all are completed', async () => (await app.inbox.stats()).completed === 17, 30_000);
      for (const { sessionId } of bodies) expect(await effectsOf(app, sessionId)).toBe(1);
    }, 60_000);

    it('tells an operator that it is busy', async () => {
      const app = await host.start((a) => a.withHandlers(SucceedAtOnce));
      const { body, id } = await completed(app);
      await app.post(payload({ ...body, proofHash: 'other' }));
      const [conflict] = await app.inbox.rejections.list();
      await app.nest.get(DataSource).query(`UPDATE ${STATE} SET state = 'dead' WHERE delivery_id = '${id}'`);
      await whileLocked(`UPDATE ${STATE} SET rescues = 0 WHERE delivery_id = '${id}'`, async () => {
        expect(await app.inbox.replay(id)).toBe('busy');
        expect(await app.inbox.discard(id)).toBe('busy');
        expect(await app.inbox.rejections.accept(String(conflict?.id))).toBe('busy');
      });
      expect(await app.inbox.rejections.accept(String(conflict?.id))).toBe('accepted');
    });

    it.each([
      ['both tables are', [DELIVERY, STATE]],
      ['that of the facts is', [DELIVERY]],
      ['that of the states is', [STATE]],
    ])('answers 503 while %s locked whole, and goes on when it is not', async (_, tables) => {
      const app = await host.start((a) =>
        a.withHandlers(SucceedAtOnce).withOptions({ receiving: { ackTimeout: 1_000 } }),
      );
      const { hold, release } =
        kind === 'postgres'
          ? { hold: `LOCK TABLE ${tables.join()} IN ACCESS EXCLUSIVE MODE`, release: 'ROLLBACK' }
          : { hold: `LOCK TABLES ${tables.map((table) => `${table} WRITE`).join()}`, release: 'UNLOCK TABLES' };
      const beside = await host.database.connect();
      const console = beside.createQueryRunner();
      if (kind === 'postgres') await console.query('BEGIN');
      await console.query(hold);
      const bodies = Array.from({ length: 40 }, () => payload());
      const begunAt = performance.now();
      const answers = await Promise.all(bodies.map((body) => app.post(body)));
      expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 503));
      expect(performance.now() - begunAt).toBeLessThan(3_000);
      await console.query(release);
      await console.release();
      await until('POSTs are taken again', async () => (await app.post(payload())).status === 200, 4_000);
      for (const body of bodies) expect(await app.post(body)).toMatchObject({ status: 200 });
      for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
    });
  });
}

for (const kind of servers.filter((server) => server === 'postgres')) {
  describe(`an inbox whose session a pooler keeps from ${kind}`, () => {
    const host = freshHost(kind);

    it('does not wait for a locked row either', async () => {
      const inbox = await StandaloneInbox.openWithDialect(pooledPostgresDialect, host.database);
      const [known, other] = [unrecorded(), unrecorded()];
      await inbox.deliveries.record([alone(known)]);
      const console = inbox.dataSource.createQueryRunner();
      await console.startTransaction();
      await console.query(`UPDATE ${DELIVERY} SET tenant = 'x'`);
      await console.query(`UPDATE ${STATE} SET rescues = 0`);
      const again = unrecorded({ sessionId: known.sessionId });
      const begunAt = performance.now();
      expect(verdictsOf(await inbox.deliveries.record([alone(other), alone(again)]))).toEqual([
        'accepted',
        'duplicate',
      ]);
      expect(performance.now() - begunAt).toBeLessThan(3_000);
      await console.rollbackTransaction();
      await console.release();
      await inbox.close();
    });
  });
}
