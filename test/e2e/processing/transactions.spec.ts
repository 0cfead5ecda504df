import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  PermanentError,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { databases } from '../../support/database/databases.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

/** Writes, and then throws what it is told to. */
class Book {
  readonly attempts: number[] = [];
  readonly errors: unknown[] = [];

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager, attempt }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    await manager.insert(Effect, { sessionId });
    if (this.errors.length > 0) throw this.errors.shift();
  }
}

class BookToo extends Book {
  @OnVerification({ id: 'book-too', transactional: true })
  override async handle(event: VerificationEvent, context: HandlerContext): Promise<void> {
    await super.handle(event, context);
  }
}

/** Fails twice, beside whatever else there is. */
class FailTwice {
  @OnVerification({ id: 'fail-twice' })
  handle(_: VerificationEvent, { attempt }: HandlerContext): void {
    if (attempt <= 2) throw new Error('not yet');
  }
}

/** Writes, waits at the gate, and writes again. */
class BookAroundAGate {
  readonly gate = new Gate();
  readonly signals: AbortSignal[] = [];
  readonly ended: string[] = [];
  /** Thrown after the writes of the first run. */
  error: Error | undefined;

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager, signal }: HandlerContext): Promise<void> {
    this.signals.push(signal);
    await manager.insert(Effect, { sessionId });
    await this.gate.pass();
    await manager.insert(Effect, { sessionId }).then(
      () => this.ended.push('written'),
      () => this.ended.push('refused'),
    );
    const { error } = this;
    this.error = undefined; // whichever worker has the next run, it is the last
    if (error) throw error;
  }
}

describe.each(databases)('a transactional handler, on %s', (kind) => {
  const host = freshHost(kind);

  it('takes effect together with its completion', async () => {
    const app = await host.start((a) => withEffects(a).withHandlers(Book));
    const body = payload();
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'completed');

    expect(await effectsOf(app, body.sessionId)).toBe(1);
    expect(runs).toMatchObject([{ handler: 'book', state: 'completed' }]);
  });

  it('leaves nothing when it fails after a write, and takes effect once when it succeeds', async () => {
    const app = await host.start((a) =>
      withEffects(a)
        .withHandlers(Book)
        .withOptions({ processing: { retry: () => 3_600_000 } }),
    );
    const book = app.nest.get(Book);
    book.errors.push(new Error('after the write'));
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'pending');
    expect(await effectsOf(app, body.sessionId)).toBe(0);
    expect(await app.inbox.replay(id)).toBe('replayed');
    await app.delivery(body.sessionId, 'completed');

    expect(await effectsOf(app, body.sessionId)).toBe(1);
    expect(book.attempts).toHaveLength(2);
  });

  it('leaves nothing when it is dead', async () => {
    const app = await host.start((a) => withEffects(a).withHandlers(Book));
    app.nest.get(Book).errors.push(new PermanentError('after the write'));
    const body = payload();
    await app.post(body);

    expect((await app.delivery(body.sessionId, 'dead')).runs).toMatchObject([{ state: 'dead', attempts: 1 }]);
    expect(await effectsOf(app, body.sessionId)).toBe(0);
  });

  it('does not run again after its completion when another handler fails, transactional or not', async () => {
    const app = await host.start((a) => withEffects(a).withHandlers(Book, BookToo, FailTwice));
    const [book, bookToo] = [app.nest.get(Book), app.nest.get(BookToo)];
    bookToo.errors.push(new Error('once'));
    const body = payload();
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'completed');

    expect(book.attempts).toEqual([1]);
    expect(bookToo.attempts).toEqual([1, 2]);
    expect(await effectsOf(app, body.sessionId)).toBe(2);
    expect(runs.map(({ handler, state }) => [handler, state])).toEqual([
      ['book', 'completed'],
      ['book-too', 'completed'],
      ['fail-twice', 'completed'],
    ]);
  });

  it('leaves nothing when it times out in the middle, whatever it still writes', async () => {
    const app = await host.start((a) =>
      withEffects(a)
        .withHandlers(BookAroundAGate)
        .withOptions({ processing: { handlerTimeout: 60, retry: { attempts: 1 } } }),
    );
    const { gate, signals, ended } = app.nest.get(BookAroundAGate);
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'dead');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    gate.open();
    await until('it has tried to write once more', () => ended.length === 1);

    expect(await effectsOf(app, body.sessionId)).toBe(0);
    expect(ended).toEqual(['refused']);
  });

  it('does not write into the transaction of the next run after a timeout', async () => {
    const app = await host.start((a) =>
      withEffects(a)
        .withHandlers(BookAroundAGate)
        .withOptions({ processing: { handlerTimeout: 60, retry: { attempts: 1 } } }),
    );
    const { gate, ended } = app.nest.get(BookAroundAGate);
    const [late, next] = [payload(), payload()];
    await app.post(late);
    await app.delivery(late.sessionId, 'dead');
    await app.post(next);
    await until('the next has begun', () => gate.arrivals === 2);
    gate.open();
    await app.delivery(next.sessionId, 'completed');
    await until('both have tried to write once more', () => ended.length === 2);

    expect(await effectsOf(app, late.sessionId)).toBe(0);
    expect(await effectsOf(app, next.sessionId)).toBe(2);
  });

  it.each([
    ['completes', undefined],
    ['fails', new Error('after the writes')],
  ])(
    'takes effect once when its lease expires too early and two workers run it, of which the first %s',
    async (_, error) => {
      const one = await host.start((a) => withEffects(a).withHandlers(BookAroundAGate));
      const first = one.nest.get(BookAroundAGate);
      first.error = error;
      const body = payload();
      await one.post(body);
      await until('the first has begun', () => first.gate.arrivals === 1);

      const clock = new MovingClock();
      clock.advance(60_000); // to the other, the lease of the first is over
      const other = await host.start((a) =>
        withEffects(a)
          .withHandlers(BookAroundAGate)
          .withClock(clock)
          .withOptions({ processing: { lease: 1_000 } }),
      );
      const second = other.nest.get(BookAroundAGate);
      second.gate.open();
      // In a file, the first holds the only right to write: the other cannot even rescue it before it has ended.
      if (kind !== 'sqlite') {
        const met = /still locked by the transaction of another worker/;
        await until('the other has met the first', () => other.logger.matching(met).length > 0);
      }
      first.gate.open();
      const { runs } = await other.delivery(body.sessionId, 'completed');

      expect(await effectsOf(one, body.sessionId)).toBe(2); // both writes of one run
      expect(runs).toMatchObject([{ handler: 'book', state: 'completed' }]);
      expect(first.gate.arrivals + second.gate.arrivals).toBe(error ? 2 : 1);
    },
  );
});
