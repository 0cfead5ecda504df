import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  type HandlerContext,
} from 'nestjs-cr3dentials-webhook';
import {
  DataSource,
  EventSubscriber,
  type EntityManager,
  type EntitySubscriberInterface,
  type InsertEvent,
} from 'typeorm';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, type FreshHost } from '../../support/app/fresh-host.js';
import { countTimeouts } from '../../support/app/count-timeouts.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases, servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

/** Does with its manager what it is told to, in its first run; in every other it writes once. */
class Book {
  runs = 0;
  first: (manager: EntityManager, sessionId: string) => Promise<unknown> = () => Promise.resolve();

  @OnVerification(VerificationCompleted, { id: 'book', transactional: true })
  async handle({ sessionId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    this.runs++;
    if (this.runs === 1) await this.first(manager, sessionId);
    else await manager.insert(Effect, { sessionId });
  }
}

class Note {
  @OnVerification(VerificationCancelled, { id: 'note' })
  handle(): void {}
}

/** What the subscriber does with the next effect, and the data that it was given. */
class Audit {
  next: ((event: InsertEvent<Effect>) => unknown) | undefined;
  readonly data: unknown[] = [];
}

let audit: Audit;

/** A subscriber of the host. */
@EventSubscriber()
class AuditSubscriber implements EntitySubscriberInterface<Effect> {
  listenTo(): typeof Effect {
    return Effect;
  }

  async afterInsert(event: InsertEvent<Effect>): Promise<void> {
    audit.data.push(event.queryRunner.data);
    const { next } = audit;
    audit.next = undefined;
    await next?.(event);
  }
}

async function start(host: FreshHost, options = {}): Promise<{ app: WebhookApp; book: Book }> {
  audit = new Audit();
  const app = await host.start((a) =>
    withEffects(a, { subscribers: [AuditSubscriber] })
      .withHandlers(Book, Note)
      .withOptions(options),
  );
  return { app, book: app.nest.get(Book) };
}

/** Whatever is acknowledged from now on is there for everybody. */
async function storesWhatItAcknowledges(app: WebhookApp, { database }: FreshHost): Promise<void> {
  const bodies = Array.from({ length: 12 }, () => payload({ status: 'CANCELLED' }));
  expect((await Promise.all(bodies.map((body) => app.post(body)))).map(({ status }) => status)).toEqual(
    bodies.map(() => 200),
  );
  const beside = await database.connect();
  const stored = await beside.query<{ session_id: string }[]>('SELECT session_id FROM cr3dentials_webhook_delivery');
  const sessions = new Set(stored.map((row) => row.session_id));
  expect(bodies.filter(({ sessionId }) => !sessions.has(String(sessionId)))).toEqual([]);
}

describe.each(databases)('a transactional handler and the subscribers of its host, on %s', (kind) => {
  const host = freshHost(kind);

  it('fails when a subscriber leaves a nested transaction open, and takes effect once when it does not', async () => {
    const { app, book } = await start(host);
    book.first = async (manager, sessionId) => {
      await manager.transaction((inner) => inner.insert(Effect, { sessionId }));
      audit.next = ({ manager: theirs }) => void theirs.transaction(() => new Promise(() => {}));
      await manager.insert(Effect, { sessionId });
    };
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(book.runs).toBe(2);
    expect(await effectsOf(app, body.sessionId)).toBe(1);
    await storesWhatItAcknowledges(app, host);
  });

  it('takes effect with what a subscriber nests while it nests itself', async () => {
    const { app, book } = await start(host);
    book.first = (manager, sessionId) =>
      manager.transaction(async (inner) => {
        audit.next = ({ manager: theirs }) => theirs.transaction((t) => t.insert(Effect, { sessionId }));
        await inner.insert(Effect, { sessionId });
      });
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(book.runs).toBe(1);
    expect(await effectsOf(app, body.sessionId)).toBe(2);
  });

  it('is heard by a subscriber that a provider has added at run time, once', async () => {
    const { app, book } = await start(host);
    const heard: unknown[] = [];
    const listener: EntitySubscriberInterface<Effect> = {
      listenTo: () => Effect,
      afterInsert: ({ entity }) => void heard.push(entity.sessionId),
    };
    app.nest.get(DataSource).subscribers.push(listener);
    book.first = (manager, sessionId) => manager.insert(Effect, { sessionId });
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(heard).toEqual([body.sessionId]);
  });

  it('gives a subscriber the data that it saves with', async () => {
    const { app, book } = await start(host);
    book.first = (manager, sessionId) => manager.save(Effect, { sessionId }, { data: { user: 7 } });
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(audit.data).toEqual([{ user: 7 }]);
  });
});

describe.each(databases)('a transactional handler on %s', (kind) => {
  const host = freshHost(kind);

  it.each([
    ['commits behind a comment', '/* all is well */ COMMIT'],
    ['rolls back behind a comment', '-- never mind\nROLLBACK'],
    ...(kind === 'mariadb' ? [['changes the schema, which commits', 'TRUNCATE TABLE effect'] as const] : []),
  ])('is refused when it %s, and takes effect once when it does not', async (_, statement) => {
    const { app, book } = await start(host);
    book.first = async (manager, sessionId) => {
      await manager.insert(Effect, { sessionId });
      await manager.query(statement);
    };
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(book.runs).toBe(2);
    expect(await effectsOf(app, body.sessionId)).toBe(1);
  });
});

/** Never ends, while the delivery is a completed one. */
class HangWithItsTransaction {
  isHanging = true;

  @OnVerification(VerificationCompleted, { id: 'hang', transactional: true })
  async handle({ sessionId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId });
    if (this.isHanging) await new Promise(() => {});
  }
}

class UpdateALockedRow {
  @OnVerification(VerificationCompleted, { id: 'update', transactional: true })
  async handle(_: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    await manager.query(`UPDATE effect SET session_id = 'updated' WHERE session_id = 'locked'`);
  }
}

for (const kind of servers) {
  describe(`transactional handlers that are blocked in their own query on ${kind}`, () => {
    const host = freshHost(kind);

    it('give up their connections at the timeout, so that receiving goes on, and complete once the lock is gone', async () => {
      const retry = { attempts: 100, initialDelay: 50, maxDelay: 200 };
      const app = await host.start((a) =>
        withEffects(a)
          .withHandlers(UpdateALockedRow, Note)
          .withOptions({ processing: { handlerTimeout: 200, retry } }),
      );
      const timeouts = countTimeouts(app);
      const beside = await host.database.connect();
      await beside.query(`INSERT INTO effect (session_id) VALUES ('locked')`);
      const lock = beside.createQueryRunner();
      await lock.startTransaction();
      await lock.query(`UPDATE effect SET session_id = 'held' WHERE session_id = 'locked'`);
      const blocked = Array.from({ length: 8 }, () => payload());
      for (const body of blocked) await app.post(body);
      await until('each has run out of time', () => timeouts() >= 8);
      await storesWhatItAcknowledges(app, host);
      await lock.rollbackTransaction();
      await lock.release();
      for (const { sessionId } of blocked) await app.delivery(sessionId, 'completed');
      expect(await app.inbox.stats()).toMatchObject({ pending: 0, processing: 0, dead: 0 });
    });
  });

  describe(`transactional handlers of a host with few connections on ${kind}`, () => {
    const host = freshHost(kind);
    const startSmall = (processing: object) =>
      host.start((a) =>
        withEffects(a, { poolSize: 5 } as object)
          .withHandlers(HangWithItsTransaction, Note)
          .withOptions({ processing: { ...processing, retry: { attempts: 100, initialDelay: 50, maxDelay: 200 } } }),
      );

    it('give their turn to the next at their timeout, although they hang', async () => {
      const app = await startSmall({ handlerTimeout: 300 });
      const timeouts = countTimeouts(app);
      const bodies = [payload(), payload(), payload()];
      for (const body of bodies) await app.post(body);
      await until('each has run out of time', () => timeouts() >= 3);
      app.nest.get(HangWithItsTransaction).isHanging = false;
      const next = payload();
      await app.post(next);
      await app.delivery(next.sessionId, 'completed');
      expect(await effectsOf(app, next.sessionId)).toBe(1);
    });

    it('leave their slots to others while the pool of the host is exhausted', async () => {
      const app = await startSmall({ concurrency: 2, handlerTimeout: 3_000 });
      app.nest.get(HangWithItsTransaction).isHanging = false;
      const runners = Array.from({ length: 5 }, () => app.nest.get(DataSource).createQueryRunner());
      for (const runner of runners) await runner.connect();
      const waiting = Array.from({ length: 4 }, () => payload());
      for (const body of waiting) await app.post(body);
      const plain = Array.from({ length: 4 }, () => payload({ status: 'CANCELLED' }));
      for (const body of plain) expect((await app.post(body)).status).toBe(200);
      const beside = await host.database.connect();
      const completed = `SELECT delivery_id FROM cr3dentials_webhook_delivery_state WHERE state = 'completed'`;
      await until('they are completed', async () => (await beside.query<unknown[]>(completed)).length === 4);
      for (const runner of runners) await runner.release();
      for (const { sessionId } of waiting) await app.delivery(sessionId, 'completed');
    });
  });
}
