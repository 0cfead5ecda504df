import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  VerificationPartiallyCompleted,
  VerificationTerminated,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { Gate, freshHost, sharedHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

/** Remembers which method was told of what. */
@Injectable()
class Ledger {
  readonly told: { by: string; event: VerificationEvent }[] = [];

  @OnVerification(VerificationCompleted)
  completed(event: VerificationCompleted): void {
    this.told.push({ by: 'completed', event });
  }

  @OnVerification(VerificationPartiallyCompleted)
  partiallyCompleted(event: VerificationPartiallyCompleted): void {
    this.told.push({ by: 'partiallyCompleted', event });
  }

  @OnVerification(VerificationErrored)
  errored(event: VerificationErrored): void {
    this.told.push({ by: 'errored', event });
  }

  @OnVerification(VerificationCancelled)
  cancelled(event: VerificationCancelled): void {
    this.told.push({ by: 'cancelled', event });
  }

  @OnVerification(VerificationTerminated)
  terminated(event: VerificationTerminated): void {
    this.told.push({ by: 'terminated', event });
  }

  @OnVerification(VerificationErrored, VerificationCancelled, VerificationTerminated)
  unsuccessful(event: VerificationErrored | VerificationCancelled | VerificationTerminated): void {
    this.told.push({ by: 'unsuccessful', event });
  }

  @OnVerification()
  whichever(event: VerificationEvent): void {
    this.told.push({ by: 'whichever', event });
  }

  of(sessionId: unknown) {
    return this.told.filter(({ event }) => event.sessionId === sessionId);
  }
}

/** Each of its methods ends only once the other has begun. */
@Injectable()
class WaitForEachOther {
  private readonly one = new Gate();
  private readonly other = new Gate();

  @OnVerification()
  async first(): Promise<void> {
    this.one.open();
    await this.other.pass();
  }

  @OnVerification()
  async second(): Promise<void> {
    this.other.open();
    await this.one.pass();
  }
}

@Injectable()
class FailTwice {
  readonly contexts: HandlerContext[] = [];

  @OnVerification()
  handle(_: VerificationEvent, context: HandlerContext): void {
    this.contexts.push(context);
    if (this.contexts.length <= 2) throw new Error('not yet');
  }
}

@Injectable()
class AskForATransaction {
  refusal: unknown;

  @OnVerification()
  handle(_: VerificationEvent, context: HandlerContext): void {
    try {
      void context.manager;
    } catch (error) {
      this.refusal = error;
    }
  }
}

const statuses = [
  ['COMPLETED', VerificationCompleted, ['completed', 'whichever']],
  ['PARTIAL_COMPLETE', VerificationPartiallyCompleted, ['partiallyCompleted', 'whichever']],
  ['ERROR', VerificationErrored, ['errored', 'unsuccessful', 'whichever']],
  ['CANCELLED', VerificationCancelled, ['cancelled', 'unsuccessful', 'whichever']],
  ['TERMINATED', VerificationTerminated, ['terminated', 'unsuccessful', 'whichever']],
] as const;

describe.each(databases)('handlers, on %s', (kind) => {
  const host = sharedHost(kind, (a) => a.withHandlers(Ledger));

  it.each(statuses)('get an event of status %s only when they subscribe to its class', async (status, Event, told) => {
    const body = payload({ status, metadata: { channel: 'web' } });
    await host.app.post(body);
    const { id, receivedAt } = await host.app.delivery(body.sessionId, 'completed');

    const calls = host.app.nest.get(Ledger).of(body.sessionId);
    expect(calls.map(({ by }) => by).toSorted()).toEqual(told);
    for (const { event } of calls) {
      expect(statuses.filter(([, Class]) => event instanceof Class).map(([name]) => name)).toEqual([status]);
      expect(event.constructor).toBe(Event);
      expect({ ...event }).toEqual({
        ...body,
        completedAt: new Date('2025-03-24T12:05:00.000Z'),
        receivedAt: new Date(receivedAt),
        deliveryId: id,
        tenant: '',
      });
    }
  });

  it('read a missing or null field as null', async () => {
    const { sessionId, status, platformId } = payload({ status: 'ERROR' });
    await host.app.post({ sessionId, status, platformId, completedAt: null, extractedData: null });
    await host.app.delivery(sessionId, 'completed');

    const [call] = host.app.nest.get(Ledger).of(sessionId);
    expect(call?.event).toMatchObject({
      externalReferenceId: null,
      extractedData: null,
      proofHash: null,
      completedAt: null,
      metadata: null,
    });
  });
});

describe.each(databases)('the handlers of one delivery, on %s', (kind) => {
  const host = freshHost(kind);

  it('run concurrently', async () => {
    const app = await host.start((a) => a.withHandlers(WaitForEachOther));
    const body = payload();
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'completed');

    expect(runs).toEqual([]);
  });

  it('leave no stored run when all of them succeed at the first attempt', async () => {
    const app = await host.start((a) => a.withHandlers(SucceedAtOnce));
    const body = payload();
    await app.post(body);

    expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({ dispatches: 1, runs: [] });
  });

  it('run again only when they failed', async () => {
    const app = await host.start((a) => a.withHandlers(FailTwice, SucceedAtOnce));
    const body = payload();
    await app.post(body);
    const { dispatches, runs } = await app.delivery(body.sessionId, 'completed');

    expect(app.nest.get(FailTwice).contexts).toHaveLength(3);
    expect(app.nest.get(SucceedAtOnce).calls).toBe(1);
    expect(dispatches).toBe(3);
    expect(runs).toMatchObject([
      { handler: 'FailTwice.handle', state: 'completed', attempts: 3, nextAttemptAt: null, lastError: null },
      { handler: 'succeed', state: 'completed', attempts: 1, nextAttemptAt: null, lastError: null },
    ]);
  });

  it('each get the context of their own run', async () => {
    const app = await host.start((a) => a.withHandlers(FailTwice));
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'completed');

    const { contexts } = app.nest.get(FailTwice);
    expect(contexts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(contexts.map(({ deliveryId }) => deliveryId)).toEqual([id, id, id]);
    expect(contexts.map(({ isReplay }) => isReplay)).toEqual([false, false, false]);
    expect(contexts.map(({ signal }) => signal instanceof AbortSignal && !signal.aborted)).toEqual([true, true, true]);
    expect(new Set(contexts.map(({ signal }) => signal)).size).toBe(3);
  });

  it('get a manager only when they are transactional', async () => {
    const app = await host.start((a) => a.withHandlers(AskForATransaction));
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');

    expect(app.nest.get(AskForATransaction).refusal).toMatchObject({
      code: 'NOT_TRANSACTIONAL',
      message: expect.stringMatching(/"AskForATransaction\.handle".*transactional: true/),
    });
  });
});
