import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  PermanentError,
  VerificationCompleted,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { uuidv7 } from 'uuidv7';
import { WaitAtAGateWhenErrored } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { effectsOf, withEffects, Effect } from '../../support/app/effects.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

interface Call {
  readonly attempt: number;
  readonly isReplay: boolean;
}

/** Fails as long as it is broken. */
class Fragile {
  readonly calls: Call[] = [];
  isBroken = false;

  @OnVerification({ id: 'fragile' })
  handle(_: VerificationEvent, { attempt, isReplay }: HandlerContext): void {
    this.calls.push({ attempt, isReplay });
    if (this.isBroken) throw new PermanentError('broken');
  }
}

/** Fails at the attempts it is told to. */
class FailAt {
  readonly calls: Call[] = [];
  failing: number[] = [];

  @OnVerification({ id: 'fail-at' })
  handle(_: VerificationEvent, { attempt, isReplay }: HandlerContext): void {
    this.calls.push({ attempt, isReplay });
    if (this.failing.includes(attempt)) throw new Error('not yet');
  }
}

class Book {
  readonly calls: Call[] = [];

  @OnVerification(VerificationCompleted, { id: 'book', transactional: true })
  async handle({ sessionId }: VerificationCompleted, { attempt, isReplay, manager }: HandlerContext): Promise<void> {
    this.calls.push({ attempt, isReplay });
    await manager.insert(Effect, { sessionId });
  }
}

async function completed(app: WebhookApp) {
  const body = payload();
  await app.post(body);
  return app.delivery(body.sessionId, 'completed');
}

describe.each(databases)('replay, on %s', (kind) => {
  const host = freshHost(kind);

  function start(): Promise<WebhookApp> {
    return host.start((a) =>
      withEffects(a)
        .withHandlers(Fragile, FailAt, Book, WaitAtAGateWhenErrored)
        .withOptions({ processing: { retry: { attempts: 3, initialDelay: 5, jitter: 'none' } } }),
    );
  }

  it('gives the dead handlers of a dead delivery all their attempts again, and runs no other', async () => {
    const app = await start();
    const [failAt, book] = [app.nest.get(FailAt), app.nest.get(Book)];
    failAt.failing = [1, 2, 3];
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');
    failAt.failing = [1, 2];
    expect(await app.inbox.replay(id)).toBe('replayed');
    const after = await app.delivery(body.sessionId, 'completed');

    expect(failAt.calls).toEqual([
      { attempt: 1, isReplay: false },
      { attempt: 2, isReplay: false },
      { attempt: 3, isReplay: false },
      { attempt: 1, isReplay: true },
      { attempt: 2, isReplay: true },
      { attempt: 3, isReplay: true },
    ]);
    expect(after).toMatchObject({ reason: null, replays: 1 });
    expect(book.calls).toEqual([{ attempt: 1, isReplay: false }]);
    expect(app.nest.get(Fragile).calls).toHaveLength(1);
    expect(await effectsOf(app, body.sessionId)).toBe(1);
  });

  it('returns "completed" for a completed delivery, and runs nothing', async () => {
    const app = await start();
    const delivery = await completed(app);

    expect(await app.inbox.replay(delivery.id)).toBe('completed');
    expect(await app.inbox.find(delivery.id)).toEqual(delivery);
  });

  it('runs a named handler of a completed delivery once more, and no other', async () => {
    const app = await start();
    const { id, sessionId } = await completed(app);
    expect(await app.inbox.replay(id, { handlers: ['book'] })).toBe('replayed');
    const { runs } = await app.delivery(sessionId, 'completed');

    expect(app.nest.get(Book).calls).toEqual([
      { attempt: 1, isReplay: false },
      { attempt: 1, isReplay: true },
    ]);
    expect(await effectsOf(app, sessionId)).toBe(2);
    expect(app.nest.get(Fragile).calls).toHaveLength(1);
    expect(app.nest.get(FailAt).calls).toHaveLength(1);
    expect(runs).toMatchObject([{ handler: 'book', state: 'completed' }]);

    expect(await app.inbox.replay(id)).toBe('completed');
    expect(await app.inbox.replay(id, { handlers: ['book'] })).toBe('replayed');
    await app.delivery(sessionId, 'completed');
    expect(await effectsOf(app, sessionId)).toBe(3);
  });

  it('retries a named handler that fails, and still runs no other', async () => {
    const app = await start();
    const { id, sessionId } = await completed(app);
    const failAt = app.nest.get(FailAt);
    failAt.failing = [1, 2];
    expect(await app.inbox.replay(id, { handlers: ['fail-at'] })).toBe('replayed');
    const { runs } = await app.delivery(sessionId, 'completed');

    expect(failAt.calls.slice(1)).toEqual([1, 2, 3].map((attempt) => ({ attempt, isReplay: true })));
    expect(app.nest.get(Fragile).calls).toHaveLength(1);
    expect(app.nest.get(Book).calls).toHaveLength(1);
    expect(await effectsOf(app, sessionId)).toBe(1);
    expect(runs.find(({ handler }) => handler === 'fail-at')).toMatchObject({ state: 'completed', attempts: 3 });
  });

  it('replays a named handler again after it died, with or without its name', async () => {
    const app = await start();
    const { id, sessionId } = await completed(app);
    const failAt = app.nest.get(FailAt);
    failAt.failing = [1, 2, 3];
    await app.inbox.replay(id, { handlers: ['fail-at'] });
    await app.delivery(sessionId, 'dead');
    failAt.failing = [];
    expect(await app.inbox.replay(id)).toBe('replayed');
    await app.delivery(sessionId, 'completed');

    expect(failAt.calls).toHaveLength(1 + 3 + 1);
    expect(app.nest.get(Fragile).calls).toHaveLength(1);
    expect(await effectsOf(app, sessionId)).toBe(1);
  });

  it('leaves other dead handlers dead when it names one', async () => {
    const app = await start();
    const [fragile, failAt] = [app.nest.get(Fragile), app.nest.get(FailAt)];
    fragile.isBroken = true;
    failAt.failing = [1, 2, 3];
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');
    failAt.failing = [1, 2];
    expect(await app.inbox.replay(id, { handlers: ['fail-at'] })).toBe('replayed');
    const { runs } = await app.delivery(body.sessionId, 'dead');

    expect(runs).toMatchObject([
      { handler: 'book', state: 'completed' },
      { handler: 'fail-at', state: 'completed' },
      { handler: 'fragile', state: 'dead', lastError: 'PermanentError: broken' },
    ]);
    expect(fragile.calls).toHaveLength(1);
    expect(failAt.calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('runs every handler of a delivery that was not processed yet, although it names one', async () => {
    const receiver = await host.start((a) =>
      withEffects(a)
        .withHandlers(Fragile, FailAt, Book)
        .withOptions({ processing: { enabled: false } }),
    );
    const body = payload();
    await receiver.post(body);
    const { id } = await receiver.delivery(body.sessionId, 'pending');
    expect(await receiver.inbox.replay(id, { handlers: ['fail-at'] })).toBe('replayed');
    await host.stop(receiver);

    const app = await start();
    await app.delivery(body.sessionId, 'completed');
    expect(app.nest.get(Fragile).calls).toHaveLength(1);
    expect(app.nest.get(FailAt).calls).toHaveLength(1);
    expect(await effectsOf(app, body.sessionId)).toBe(1);
  });

  it('throws for a handler that no instance has', async () => {
    const app = await start();
    const delivery = await completed(app);

    await expect(app.inbox.replay(delivery.id, { handlers: ['book', 'bok'] })).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringMatching(
        /^No live instance has a handler "bok"\. Name one of (?=.*fragile)(?=.*fail-at)(?=.*book)/,
      ),
    });
    await expect(app.inbox.replay(delivery.id, { handlers: [] })).rejects.toMatchObject({ code: 'HANDLER_INVALID' });
    expect(await app.inbox.find(delivery.id)).toEqual(delivery);
  });

  it('returns "busy" for a delivery that a worker has claimed', async () => {
    const app = await start();
    const { gate } = app.nest.get(WaitAtAGateWhenErrored);
    const body = payload({ status: 'ERROR' });
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'processing');

    expect(await app.inbox.replay(id)).toBe('busy');
    expect(await app.inbox.replay(id, { handlers: ['wait'] })).toBe('busy');
    gate.open();
    await app.delivery(body.sessionId, 'completed');
    expect(gate.arrivals).toBe(1);
    expect(await app.inbox.replay(id, { handlers: ['wait'] })).toBe('replayed');
    await app.delivery(body.sessionId, 'completed');
    expect(gate.arrivals).toBe(2);
  });

  it('returns "unknown" for an id that does not exist', async () => {
    const app = await start();

    expect(await app.inbox.replay(uuidv7())).toBe('unknown');
    expect(await app.inbox.replay('', { handlers: ['book'] })).toBe('unknown');
  });
});
