import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCompleted,
  VerificationErrored,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { anyDatabase } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

const RATE = { max: 10, per: 300 };

class Limited {
  readonly begunAt: number[] = [];
  readonly attempts = new Set<number>();
  readonly sessionIds = new Set<string>();

  @OnVerification(VerificationCompleted, { id: 'limited', rateLimit: RATE })
  call({ sessionId }: VerificationEvent, { attempt }: HandlerContext): void {
    this.begunAt.push(performance.now());
    this.attempts.add(attempt);
    this.sessionIds.add(sessionId);
  }

  /** Most beginnings in any span of the rate, less the time by which a call may come later than its turn on a busy machine. */
  get mostInASpan(): number {
    return Math.max(
      ...this.begunAt.map((from) => this.begunAt.filter((at) => at >= from && at < from + RATE.per - 60).length),
    );
  }
}

class Quick {
  readonly sessionIds: string[] = [];

  @OnVerification(VerificationErrored, { id: 'quick' })
  handle({ sessionId }: VerificationEvent): void {
    this.sessionIds.push(sessionId);
  }
}

async function post(app: WebhookApp, count: number, status = 'COMPLETED'): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => app.post(payload({ status }))));
}

describe.each(anyDatabase)('a handler with a rate limit, on %s', (kind) => {
  const host = freshHost(kind);

  it('never begins more often than it says, and takes no longer than that needs', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Limited).withOptions({ processing: { retry: { attempts: 1 } } }),
    );
    const limited = app.nest.get(Limited);
    await post(app, 100);
    await until('all have completed', async () => (await app.inbox.stats()).completed === 100);
    const took = (limited.begunAt.at(-1) ?? NaN) - (limited.begunAt[0] ?? NaN);

    expect(limited.mostInASpan).toBeLessThanOrEqual(RATE.max);
    expect(limited.sessionIds.size).toBe(100);
    expect(limited.begunAt).toHaveLength(100);
    expect([...limited.attempts]).toEqual([1]);
    expect(took).toBeGreaterThanOrEqual(9 * RATE.per - 5);
    expect(took).toBeLessThan(30 * RATE.per); // a busy machine may lose some turns
  });

  it('holds up no other handler', async () => {
    const app = await host.start((a) => a.withHandlers(Limited, Quick));
    await post(app, 100);
    await post(app, 10, 'ERROR');
    await until('the other has run for all', () => app.nest.get(Quick).sessionIds.length === 10);
    expect(app.nest.get(Limited).begunAt.length).toBeLessThan(100);
    await until('all have completed', async () => (await app.inbox.stats()).completed === 110);
  });
});
