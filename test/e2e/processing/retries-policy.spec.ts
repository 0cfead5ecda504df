import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCancelled,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';

const MINUTE = 60_000;

/** Fails until it is told to succeed. */
class FailUntilTold {
  readonly attempts: number[] = [];
  succeeds = false;
  error: Error = new Error('not yet');

  @OnVerification()
  handle(_: VerificationEvent, { attempt }: HandlerContext): void {
    this.attempts.push(attempt);
    if (!this.succeeds) throw this.error;
  }
}

describe.each(databases)('a retry function, on %s', (kind) => {
  const host = freshHost(kind);

  it('is called after each attempt, and its "dead" is final', async () => {
    const asked: [number, unknown][] = [];
    const app = await host.start((a) =>
      a.withHandlers(FailUntilTold).withOptions({
        processing: {
          retry: (attempt, error) => {
            asked.push([attempt, error]);
            return attempt < 3 ? 1 : 'dead';
          },
        },
      }),
    );
    const { error, attempts } = app.nest.get(FailUntilTold);
    const body = payload();
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'dead');

    expect(asked).toEqual([
      [1, error],
      [2, error],
      [3, error],
    ]);
    expect(asked[0]?.[1]).toBe(error);
    expect(attempts).toEqual([1, 2, 3]);
    expect(runs).toMatchObject([{ state: 'dead', attempts: 3 }]);
  });

  it.each<[string, () => number]>([
    ['answers no number', () => Number.NaN],
    ['answers a time that has passed', () => -1],
    ['answers a promise', () => Promise.resolve(1) as unknown as number],
    [
      'throws',
      () => {
        throw new Error('The policy of the host is broken.');
      },
    ],
    ['answers more than the database can count', () => Number.MAX_VALUE],
  ])('that %s neither loses an attempt nor makes other handlers run again', async (_, retry) => {
    const clock = new MovingClock();
    const app = await host.start((a) =>
      a.withHandlers(FailUntilTold, SucceedAtOnce).withOptions({ processing: { retry } }).withClock(clock),
    );
    const handler = app.nest.get(FailUntilTold);
    const body = payload();
    await app.post(body);
    const { nextAttemptAt, runs } = await app.delivery(body.sessionId, 'pending');
    expect(runs).toMatchObject([
      { handler: 'FailUntilTold.handle', state: 'pending', attempts: 1 },
      { handler: 'succeed', state: 'completed', attempts: 1 },
    ]);
    expect(nextAttemptAt).toBeGreaterThan(clock.now() + MINUTE / 2); // not in a loop

    handler.succeeds = true;
    clock.advance((nextAttemptAt ?? 0) - clock.now());
    await app.delivery(body.sessionId, 'completed');
    expect(handler.attempts).toEqual([1, 2]);
    expect(app.nest.get(SucceedAtOnce).calls).toBe(1);
  });
});

const rejectLater = () => Promise.reject(new Error('A fault of the host.')) as unknown as number;

describe('a retry function', () => {
  const host = freshHost('sqlite');

  it('that answers a promise is told of in one line a minute, and its rejection ends nothing', async () => {
    const app = await host.start((a) =>
      a.withHandlers(FailUntilTold).withOptions({ processing: { retry: rejectLater } }),
    );
    for (const body of [payload(), payload()]) {
      await app.post(body);
      await app.delivery(body.sessionId, 'pending');
    }

    expect(app.logger.matching(/processing\.retry/)).toEqual([
      `ERROR The function "processing.retry" returned a promise after 1 failure. Such a handler is retried after a minute or more, 12 attempts in all. Let it return milliseconds or 'dead'. Cr3dentialsWebhook`,
    ]);
  });

  it.each<[string, () => unknown]>([
    ['AsyncFunction', async () => 'dead'],
    [
      'GeneratorFunction',
      function* () {
        yield 1;
      },
    ],
  ])('stops the boot when it is of the kind %s', async (kind, retry) => {
    await expect(
      host.start((a) => a.withOptions({ processing: { retry: retry as () => number } })),
    ).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: `Option "processing.retry" is of the kind ${kind}, but must return milliseconds or 'dead' at once. Write a function without "async" or "*".`,
    });
  });
});

class OnlyWhenCancelled {
  @OnVerification(VerificationCancelled, { id: 'only-when-cancelled' })
  handle(): void {}
}

describe.each(databases)('a delivery without a subscribed handler, on %s', (kind) => {
  const host = freshHost(kind);

  it('is kept as unhandled, and can be replayed once there is a handler', async () => {
    const before = await host.start((a) => a.withHandlers(OnlyWhenCancelled));
    const body = payload();
    expect((await before.post(body)).status).toBe(200);
    const { id, ...unhandled } = await before.delivery(body.sessionId, 'unhandled');
    expect(unhandled).toMatchObject({ nextAttemptAt: null, leaseOwner: null, runs: [] });
    expect(await before.inbox.stats()).toMatchObject({ unhandled: 1, oldestDue: 0 });
    await host.stop(before);

    const after = await host.start((a) => a.withHandlers(SucceedAtOnce));
    expect(await after.inbox.replay(id)).toBe('replayed');
    await after.delivery(body.sessionId, 'completed');
    expect(after.nest.get(SucceedAtOnce).calls).toBe(1);
  });
});

describe.each(databases)('a handler whose own connection fails, on %s', (kind) => {
  const host = freshHost(kind);

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND'])(
    'with %s uses up an attempt, because our database is not down',
    async (code) => {
      const app = await host.start((a) =>
        a.withHandlers(FailUntilTold).withOptions({ processing: { retry: { attempts: 2, initialDelay: 1 } } }),
      );
      const handler = app.nest.get(FailUntilTold);
      handler.error = Object.assign(new Error(`connect ${code} 10.0.0.1:443`), { code });
      const body = payload();
      await app.post(body);

      expect((await app.delivery(body.sessionId, 'dead')).runs).toMatchObject([{ state: 'dead', attempts: 2 }]);
      expect(handler.attempts).toEqual([1, 2]);
    },
  );
});
