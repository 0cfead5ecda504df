import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  PermanentError,
  RetryAfterError,
  VerificationCompleted,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { FailOnceWhenErrored } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { StatementWatch } from '../../support/database/statement-watch.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

const HOUR = 3_600_000;

/** Throws its errors, one a call, and then succeeds. */
class FailWith {
  readonly attempts: number[] = [];
  readonly errors: unknown[] = [];

  @OnVerification(VerificationCompleted)
  handle(_: VerificationCompleted, { attempt }: HandlerContext): void {
    this.attempts.push(attempt);
    if (this.errors.length > 0) throw this.errors.shift();
  }

  static of(...errors: unknown[]) {
    const handler = new this();
    handler.errors.push(...errors);
    return { provide: this, useValue: handler };
  }
}

const DELIVERIES = 60;

/** Fails at the first attempt, once the gate is open: as all calls of something do that has an outage. */
class FailTogether {
  readonly gate = new Gate();
  calls = 0;

  @OnVerification({ id: 'fail-together' })
  async handle(_: VerificationEvent, { attempt }: HandlerContext): Promise<void> {
    this.calls++;
    if (attempt > 1) return;
    await this.gate.pass();
    throw new Error('an outage');
  }
}

/** One more that fails in its own way. */
class FailAlsoWith extends FailWith {}

/** Resolves when a worker with `FailOnceWhenErrored` has looked for what is due, and has taken it. */
async function due(app: WebhookApp): Promise<void> {
  const probe = payload({ status: 'ERROR' });
  await app.post(probe);
  await app.delivery(probe.sessionId, 'completed');
}

describe.each(databases)('a handler that fails, on %s', (kind) => {
  const host = freshHost(kind);

  it('runs again until it succeeds', async () => {
    const app = await host.start((a) =>
      a.withHandlers(FailWith.of(new Error('one'), new Error('two'), new Error('three'))),
    );
    const body = payload();
    await app.post(body);
    const { reason, runs } = await app.delivery(body.sessionId, 'completed');

    expect(app.nest.get(FailWith).attempts).toEqual([1, 2, 3, 4]);
    expect(reason).toBeNull();
    expect(runs).toMatchObject([{ state: 'completed', attempts: 4, lastError: null }]);
  });

  it('fails for many deliveries at the cost of a few transactions', async () => {
    const watch = new StatementWatch();
    const app = await host.start((a) =>
      a
        .withHandlers(FailTogether)
        .withOptions({ processing: { concurrency: DELIVERIES } })
        .configured(watch.watch),
    );
    const handler = app.nest.get(FailTogether);
    const bodies = Array.from({ length: DELIVERIES }, () => payload());
    await Promise.all(bodies.map((body) => app.post(body)));
    await until('all are under way', () => handler.calls === DELIVERIES);
    watch.statements.length = 0;
    handler.gate.open();
    await until('all have failed twice', async () => (await app.inbox.stats()).completed === DELIVERIES, 20_000);
    const saved = watch.statements.filter((statement) => /INSERT INTO \S*handler_run/.test(statement));
    expect(saved.length).toBeLessThan(DELIVERIES / 2);
    for (const { sessionId } of bodies)
      expect(await app.delivery(sessionId, 'completed')).toMatchObject({
        runs: [{ state: 'completed', attempts: 2, lastError: null }],
      });
  });

  it('is dead when its attempts are used up, and so is its delivery', async () => {
    const errors = Array.from({ length: 10 }, (_, n) => new Error(`failure ${n + 1}`));
    const app = await host.start((a) =>
      a
        .withHandlers(FailWith.of(...errors))
        .withOptions({ processing: { retry: { attempts: 3, initialDelay: 1, jitter: 'none' } } }),
    );
    const body = payload();
    await app.post(body);
    const dead = await app.delivery(body.sessionId, 'dead');

    expect(dead).toMatchObject({ reason: 'handler', leaseOwner: null, leaseExpiresAt: null, nextAttemptAt: null });
    expect(dead.finishedAt).toBeGreaterThanOrEqual(dead.receivedAt);
    expect(dead.runs).toMatchObject([
      { handler: 'FailWith.handle', state: 'dead', attempts: 3, nextAttemptAt: null, lastError: 'Error: failure 3' },
    ]);
    expect(app.nest.get(FailWith).attempts).toEqual([1, 2, 3]);
    expect(app.logger.matching(/^ERROR Handler "FailWith\.handle".*attempt 3 of 3.*inbox\.replay\(\)/)).toHaveLength(1);
  });

  it('waits longer after each attempt, up to maxDelay', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) =>
      a
        .withHandlers(FailWith.of(new Error('one'), new Error('two'), new Error('three')))
        .withOptions({ processing: { retry: { initialDelay: 60_000, factor: 2, maxDelay: 100_000, jitter: 'none' } } })
        .withClock(clock),
    );
    const body = payload();
    await app.post(body);
    const delays: number[] = [];
    for (const attempts of [1, 2, 3]) {
      const run = await until('it has failed again', async () => {
        const { runs } = await app.delivery(body.sessionId, 'pending');
        return runs.find((one) => one.attempts === attempts);
      });
      delays.push((run.nextAttemptAt ?? 0) - run.updatedAt);
      clock.advance(100_000);
    }
    await app.delivery(body.sessionId, 'completed');

    expect(delays).toEqual([60_000, 100_000, 100_000]);
  });

  it('is dead at once when it throws a PermanentError', async () => {
    const app = await host.start((a) => a.withHandlers(FailWith.of(new PermanentError('no such account'))));
    const body = payload();
    await app.post(body);
    const { reason, runs } = await app.delivery(body.sessionId, 'dead');

    expect(app.nest.get(FailWith).attempts).toEqual([1]);
    expect(reason).toBe('handler');
    expect(runs).toMatchObject([{ state: 'dead', attempts: 1, lastError: 'PermanentError: no such account' }]);
  });

  it('runs again at the time of its RetryAfterError, and uses up no attempt', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) =>
      a
        .withHandlers(FailWith.of(...[1, 2, 3].map(() => new RetryAfterError(HOUR))), FailOnceWhenErrored)
        .withOptions({ processing: { retry: { attempts: 2, initialDelay: 1, jitter: 'none' } } })
        .withClock(clock),
    );
    const { attempts } = app.nest.get(FailWith);
    const body = payload();
    await app.post(body);
    for (const calls of [1, 2, 3]) {
      await until('it has run', () => attempts.length === calls);
      const { runs } = await app.delivery(body.sessionId, 'pending');
      expect(runs).toMatchObject([
        { state: 'pending', attempts: 0, lastError: 'RetryAfterError: Try again in 3600000 ms.' },
      ]);
      clock.advance(HOUR - 60_000);
      await due(app);
      expect(attempts).toHaveLength(calls);
      clock.advance(60_000);
    }
    await app.delivery(body.sessionId, 'completed');

    expect(attempts).toEqual([1, 1, 1, 1]);
  });

  it.each([
    ['a part of a millisecond', 1 / 3, 'completed'],
    ['more than the database can count', Number.MAX_VALUE, 'pending'],
  ])('accepts a RetryAfterError with a delay of %s', async (_, delay, state) => {
    const app = await host.start((a) => a.withHandlers(FailWith.of(new RetryAfterError(delay))));
    const body = payload();
    await app.post(body);

    expect(await app.delivery(body.sessionId, state)).toMatchObject({ leaseOwner: null, runs: [{ state }] });
  });

  it('waits an hour without delaying the retry of another handler, and does not run early with it', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) =>
      a
        .withHandlers(FailWith.of(new RetryAfterError(HOUR)), FailAlsoWith.of(new Error('one'), new Error('two')))
        .withClock(clock),
    );
    const body = payload();
    await app.post(body);
    await until('only the one that waits is left', async () => {
      const delivery = await app.delivery(body.sessionId, 'pending');
      return delivery.runs.some(({ state }) => state === 'completed');
    });
    const { nextAttemptAt } = await app.delivery(body.sessionId, 'pending'); // its row was read before its runs
    expect(app.nest.get(FailAlsoWith).attempts).toEqual([1, 2, 3]);
    expect(app.nest.get(FailWith).attempts).toEqual([1]);
    expect(nextAttemptAt).toBeGreaterThan(clock.now() + HOUR - 60_000);
    clock.advance(HOUR);
    await app.delivery(body.sessionId, 'completed');

    expect(app.nest.get(FailWith).attempts).toEqual([1, 1]);
    expect(app.nest.get(FailAlsoWith).attempts).toEqual([1, 2, 3]);
  });

  it('does not end its delivery while another handler is still to be retried', async () => {
    const clock = new MovingClock();
    const app = await host.start((a) =>
      a
        .withHandlers(FailWith.of(new PermanentError('never')), FailAlsoWith.of(new RetryAfterError(HOUR)))
        .withClock(clock),
    );
    const body = payload();
    await app.post(body);
    const { runs } = await until('both have run', async () => {
      const delivery = await app.delivery(body.sessionId, 'pending');
      return delivery.runs.length === 2 ? delivery : undefined;
    });
    expect(runs).toMatchObject([
      { handler: 'FailAlsoWith.handle', state: 'pending' },
      { handler: 'FailWith.handle', state: 'dead' },
    ]);
    clock.advance(HOUR);

    expect((await app.delivery(body.sessionId, 'dead')).runs).toMatchObject([
      { handler: 'FailAlsoWith.handle', state: 'completed' },
      { handler: 'FailWith.handle', state: 'dead', attempts: 1, lastError: 'PermanentError: never' },
    ]);
    expect(app.nest.get(FailWith).attempts).toEqual([1]);
  });
});
