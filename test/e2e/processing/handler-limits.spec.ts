import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  type HandlerContext,
  type OnVerificationOptions,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyDatabase } from '../../support/database/databases.js';
import { Gate, freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** What a double counts, whatever its limits are. */
abstract class Counting {
  gate = new Gate();
  readonly calls: { sessionId: string; attempt: number }[] = [];
  running = 0;
  mostAtOnce = 0;

  protected async pass({ sessionId }: VerificationEvent, { attempt, signal }: HandlerContext): Promise<void> {
    this.calls.push({ sessionId, attempt });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    await Promise.race([this.gate.pass(), once(signal, 'abort')]).finally(() => this.running--);
  }

  get sessionIds(): string[] {
    return this.calls.map(({ sessionId }) => sessionId);
  }
}

function slowWith(limits: Partial<OnVerificationOptions>) {
  class Slow extends Counting {
    @OnVerification(VerificationCompleted, { id: 'slow', ...limits } as OnVerificationOptions)
    render(event: VerificationEvent, context: HandlerContext): Promise<void> {
      return this.pass(event, context);
    }
  }
  return Slow;
}

/** Completes at once, for deliveries that the slow one gets too, and for others. */
class Quick {
  readonly sessionIds: string[] = [];

  @OnVerification(VerificationCompleted, VerificationErrored, { id: 'quick' })
  handle({ sessionId }: VerificationEvent): void {
    this.sessionIds.push(sessionId);
  }
}

async function post(app: WebhookApp, count: number, status = 'COMPLETED'): Promise<string[]> {
  const bodies = Array.from({ length: count }, () => payload({ status }));
  for (const body of bodies) await app.post(body);
  return bodies.map(({ sessionId }) => String(sessionId));
}

const FOUR = { processing: { concurrency: 4, retry: { attempts: 1 } } };

describe.each(anyDatabase)('a handler with a concurrency, on %s', (kind) => {
  const host = freshHost(kind);

  it('runs for as many deliveries at once as it says, and for all of them in the end', async () => {
    const Slow = slowWith({ concurrency: 2 });
    const app = await host.start((a) => a.withHandlers(Slow).withOptions(FOUR));
    const slow = app.nest.get(Slow);
    await post(app, 12);
    await until('as many run as may', () => slow.running === 2);
    await sleep(100);
    slow.gate.open();
    await until('all have completed', async () => (await app.inbox.stats()).completed === 12);

    expect(slow.mostAtOnce).toBe(2);
    expect(slow.calls.map(({ attempt }) => attempt)).toEqual(Array(12).fill(1));
    expect(new Set(slow.sessionIds).size).toBe(12);
  });

  it('holds up no other handler, of the same deliveries or of others, whatever waits for it', async () => {
    const Slow = slowWith({ concurrency: 1 });
    const app = await host.start((a) => a.withHandlers(Slow, Quick).withOptions(FOUR));
    const slow = app.nest.get(Slow);
    const quick = app.nest.get(Quick);
    const both = await post(app, 30);
    const others = await post(app, 10, 'ERROR');
    for (const sessionId of others) await app.delivery(sessionId, 'completed');
    await until('the quick one has run for all', () => quick.sessionIds.length === 40);

    expect(slow.calls).toHaveLength(1);
    expect(quick.sessionIds.toSorted()).toEqual([...both, ...others].toSorted());
    expect(app.logger.matching(/^LOG Postponed \d+ runs? of the handler "slow", which is at its limits/)).toHaveLength(
      1,
    );
    expect(await app.inbox.stats()).toMatchObject({ completed: 10, dead: 0 });
    slow.gate.open();
  });

  it('comes back to what it has postponed, with no attempt used up and no sibling called twice', async () => {
    const Slow = slowWith({ concurrency: 1 });
    const app = await host.start((a) => a.withHandlers(Slow, Quick).withOptions(FOUR));
    const slow = app.nest.get(Slow);
    const sessionIds = await post(app, 8);
    const postponed = await until('some are postponed', async () => {
      const found = await app.inbox.list({ state: 'pending' });
      return found.length === 5 ? found : null; // one runs, and half of four wait
    });
    const { runs } = (await app.inbox.find(postponed[0]?.id ?? '')) ?? {};
    expect(runs).toMatchObject([
      { handler: 'quick', state: 'completed', attempts: 1 },
      { handler: 'slow', state: 'pending', attempts: 0, lastError: null },
    ]);
    slow.gate.open();
    for (const sessionId of sessionIds) await app.delivery(sessionId, 'completed');

    expect(slow.mostAtOnce).toBe(1);
    expect(slow.calls.map(({ attempt }) => attempt)).toEqual(Array(8).fill(1));
    expect(app.nest.get(Quick).sessionIds).toHaveLength(8);
  });

  it('keeps the lease of what waits for it, however long that takes', async () => {
    const Slow = slowWith({ concurrency: 1 });
    const app = await host.start((a) =>
      a.withHandlers(Slow).withOptions({ processing: { ...FOUR.processing, lease: 1_000 } }),
    );
    const slow = app.nest.get(Slow);
    const sessionIds = await post(app, 3);
    await until('one runs', () => slow.running === 1);
    await sleep(2_500);
    expect(await app.inbox.stats()).toMatchObject({ processing: 3 });
    slow.gate.open();
    for (const sessionId of sessionIds) await app.delivery(sessionId, 'completed');

    expect(slow.calls).toHaveLength(3);
    expect(app.logger.matching(/Lost the leases|Rescued/)).toEqual([]);
  });

  it('gives back what waits at a shutdown, for another instance at once', async () => {
    const Slow = slowWith({ concurrency: 1 });
    const app = await host.start((a) =>
      a.withHandlers(Slow).withOptions({ processing: { ...FOUR.processing, drainTimeout: 60_000 } }),
    );
    const slow = app.nest.get(Slow);
    const sessionIds = await post(app, 3);
    await until('one runs, and the others wait', async () => (await app.inbox.stats()).processing === 3);
    const stopping = host.stop(app);
    const other = await host.start((a) => a.withHandlers(Slow).withOptions(FOUR));
    other.nest.get(Slow).gate.open();
    await until('the other instance has handled two', async () => (await other.inbox.stats()).completed === 2);
    slow.gate.open();
    await stopping;

    await other.delivery(sessionIds[0], 'completed');
    expect(other.nest.get(Slow).calls).toEqual(sessionIds.slice(1).map((sessionId) => ({ sessionId, attempt: 1 })));
    expect(slow.calls).toHaveLength(1);
  });
});

describe('a handler without a concurrency', () => {
  const host = freshHost('sqlite');

  it('holds up others: what the limit is for', async () => {
    const Slow = slowWith({});
    const app = await host.start((a) => a.withHandlers(Slow, Quick).withOptions(FOUR));
    await post(app, 30);
    const [other = ''] = await post(app, 1, 'ERROR');
    await sleep(500);
    expect(app.nest.get(Slow).running).toBe(4);
    expect(app.nest.get(Quick).sessionIds).not.toContain(other);
    app.nest.get(Slow).gate.open();
    await app.delivery(other, 'completed');
  });
});

class ImpatientOne extends Counting {
  @OnVerification(VerificationCompleted, { id: 'impatient', timeout: 150, retry: { attempts: 2, initialDelay: 1 } })
  handle(event: VerificationEvent, context: HandlerContext): Promise<void> {
    return this.pass(event, context);
  }
}

class Stubborn {
  readonly attempts: number[] = [];

  @OnVerification(VerificationErrored, { id: 'stubborn', retry: { attempts: 5 } })
  fail(_: VerificationErrored, { attempt }: HandlerContext): void {
    this.attempts.push(attempt);
    throw new Error('not this time');
  }
}

class AskingAFunction {
  readonly attempts: number[] = [];

  @OnVerification(VerificationCancelled, { id: 'asking', retry: (attempt) => (attempt < 3 ? 1 : 'dead') })
  fail(_: VerificationCancelled, { attempt }: HandlerContext): void {
    this.attempts.push(attempt);
    throw new Error('not this time');
  }
}

describe('a handler with its own timeout or retry policy', () => {
  const host = freshHost('sqlite');
  const app = () =>
    host.start((a) =>
      a
        .withHandlers(ImpatientOne, Stubborn, AskingAFunction)
        .withOptions({ processing: { retry: { attempts: 3, initialDelay: 1, maxDelay: 5, jitter: 'none' } } }),
    );

  it('is aborted after its own timeout, as often as it may be tried', async () => {
    const started = await app();
    const [sessionId = ''] = await post(started, 1);
    const { runs } = await started.delivery(sessionId, 'dead');
    expect(runs).toMatchObject([{ attempts: 2, lastError: 'Error: Timed out after 150 ms.' }]);
    started.nest.get(ImpatientOne).gate.open();
  });

  it('is retried by its own policy, with what that leaves out from the common one', async () => {
    const started = await app();
    const [errored = ''] = await post(started, 1, 'ERROR');
    const [cancelled = ''] = await post(started, 1, 'CANCELLED');
    await started.delivery(errored, 'dead');
    await started.delivery(cancelled, 'dead');
    expect(started.nest.get(Stubborn).attempts).toEqual([1, 2, 3, 4, 5]);
    expect(started.nest.get(AskingAFunction).attempts).toEqual([1, 2, 3]);
    expect(started.logger.matching(/"stubborn".*attempt 1 of 5\) failed, next attempt in 1 ms/)).toHaveLength(1);
  });
});
