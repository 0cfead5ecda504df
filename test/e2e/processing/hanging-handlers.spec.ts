import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCompleted,
  VerificationErrored,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyDatabase } from '../../support/database/databases.js';
import { Gate, freshHost } from '../../support/app/fresh-host.js';
import { countTimeouts } from '../../support/app/count-timeouts.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** Never stops by itself, and not at its signal either. */
class Deaf {
  readonly gate = new Gate();
  readonly attempts = new Map<string, number[]>();
  readonly alive = new Map<string, number>();
  mostAlive = 0;
  mostOfOne = 0;

  @OnVerification(VerificationCompleted, { id: 'deaf' })
  async handle({ sessionId }: VerificationEvent, { attempt }: HandlerContext): Promise<void> {
    this.attempts.set(sessionId, [...(this.attempts.get(sessionId) ?? []), attempt]);
    this.count(sessionId, 1);
    await this.gate.pass();
    this.count(sessionId, -1);
  }

  get total(): number {
    return [...this.alive.values()].reduce((sum, one) => sum + one, 0);
  }

  private count(sessionId: string, by: number): void {
    const alive = (this.alive.get(sessionId) ?? 0) + by;
    this.alive.set(sessionId, alive);
    this.mostOfOne = Math.max(this.mostOfOne, alive);
    this.mostAlive = Math.max(this.mostAlive, this.total);
  }
}

/** Completes at once, for deliveries that the deaf one does not get, and for those that it gets. */
class Quick {
  readonly sessionIds: string[] = [];

  @OnVerification(VerificationCompleted, VerificationErrored, { id: 'quick' })
  handle({ sessionId }: VerificationEvent): void {
    this.sessionIds.push(sessionId);
  }
}

async function post(app: WebhookApp, count: number, status = 'COMPLETED'): Promise<string[]> {
  const bodies = Array.from({ length: count }, () => payload({ status }));
  await Promise.all(bodies.map((body) => app.post(body)));
  return bodies.map(({ sessionId }) => String(sessionId));
}

describe.each(anyDatabase)('handlers that never end, on %s', (kind) => {
  const host = freshHost(kind);

  it('are bounded in number, and do not stop the others', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Deaf, Quick).withOptions({ processing: { concurrency: 2, handlerTimeout: 100 } }),
    );
    const deaf = app.nest.get(Deaf);
    const timedOut = countTimeouts(app);
    await post(app, 20);
    await until('many have timed out', () => timedOut() >= 4);
    await until('they are held back', () => app.logger.matching(/^WARN Held back \d+ runs? of the handler "deaf"/)[0]);
    await sleep(1_000);
    const others = await post(app, 5, 'ERROR');
    for (const sessionId of others) await app.delivery(sessionId, 'completed');

    expect(deaf.mostOfOne).toBe(1);
    expect(deaf.mostAlive).toBeLessThanOrEqual(2 + 2 * 2);
    expect(app.nest.get(Quick).sessionIds).toHaveLength(25);
    expect(await app.inbox.stats()).toMatchObject({ dead: 0 });
    deaf.gate.open();
    await until('all have completed', async () => (await app.inbox.stats()).completed === 25);
  });

  it('run again for the same delivery only when they have ended, with no attempt used up meanwhile', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Deaf).withOptions({ processing: { handlerTimeout: 60, retry: { attempts: 2, initialDelay: 1 } } }),
    );
    const deaf = app.nest.get(Deaf);
    const [sessionId = ''] = await post(app, 1);
    await until('it has timed out', () => app.logger.matching(/Timed out after 60 ms/)[0]);
    await until('it is held back', () => app.logger.matching(/^WARN Held back 1 run of the handler "deaf"/)[0]);
    await sleep(300);
    const { runs } = await app.delivery(sessionId, 'pending');
    expect(runs).toMatchObject([{ state: 'pending', attempts: 1, lastError: 'Error: Timed out after 60 ms.' }]);
    expect(deaf.attempts.get(sessionId)).toEqual([1]);
    deaf.gate.open();
    await app.delivery(sessionId, 'completed');

    expect(deaf.attempts.get(sessionId)).toEqual([1, 2]);
    expect(deaf.mostOfOne).toBe(1);
  });
});

describe('executions that go on after their timeout', () => {
  const host = freshHost('sqlite');

  it('are counted in one line', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Deaf).withOptions({ processing: { handlerTimeout: 50, retry: { attempts: 1 } } }),
    );
    await post(app, 3);
    const line = await until('it is told of', () => app.logger.matching(/still running after their signal/)[0]);
    app.nest.get(Deaf).gate.open();

    expect(line).toContain(
      'WARN 3 executions of handlers still running after their signal was aborted: deaf (3). Let handlers end when their signal is aborted.',
    );
  });
});

describe('deliveries whose handler hangs', () => {
  const host = freshHost('sqlite');

  it('leave their slots to others after a sixth of the timeout', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Deaf, Quick).withOptions({ processing: { concurrency: 3, handlerTimeout: 9_000, lease: 60_000 } }),
    );
    const deaf = app.nest.get(Deaf);
    await post(app, 3);
    await until('all slots are taken', () => deaf.total === 3);
    const [other = ''] = await post(app, 1, 'ERROR');
    expect((await app.delivery(other, 'pending')).dispatches).toBe(0);
    await app.delivery(other, 'completed');

    expect(deaf.total).toBe(3);
    expect(app.logger.matching(/Timed out after/)).toEqual([]);
    deaf.gate.open();
  });

  it('take no more than half of the slots once as many have timed out', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Deaf, Quick).withOptions({ processing: { concurrency: 4, handlerTimeout: 200 } }),
    );
    const deaf = app.nest.get(Deaf);
    const timedOut = countTimeouts(app);
    await post(app, 4);
    await until('all have timed out', () => timedOut() === 4);
    const before = deaf.total;
    deaf.mostAlive = 0;
    await post(app, 4);
    await until('some have begun', () => deaf.total > before);
    await sleep(100);

    expect(deaf.total - before).toBeLessThanOrEqual(2);
    deaf.gate.open();
  });
});

/** Is quick until it is told to wait. */
class SlowDown {
  gate = new Gate();

  constructor() {
    this.gate.open();
  }

  @OnVerification({ id: 'slow-down' })
  handle(): Promise<void> {
    return this.gate.pass();
  }
}

describe('a worker whose handlers become slow', () => {
  const host = freshHost('sqlite');

  it('returns what it cannot process soon', async () => {
    const app = await host.start((a) => a.withHandlers(SlowDown).withOptions({ processing: { concurrency: 2 } }));
    const handler = app.nest.get(SlowDown);
    await post(app, 60);
    await until('it was quick', async () => (await app.inbox.stats()).completed === 60);
    handler.gate = new Gate();
    await post(app, 40);
    await until('it has more in hand than it processes', async () => (await app.inbox.stats()).processing > 2);
    await until('it has returned them', async () => (await app.inbox.stats()).processing === 2);
    expect(await app.inbox.stats()).toMatchObject({ pending: 38, processing: 2 });
    expect((await app.inbox.list({ state: 'pending' })).every(({ dispatches }) => dispatches === 0)).toBe(true);
    handler.gate.open();
    await until('all have completed', async () => (await app.inbox.stats()).completed === 100);
  });
});
