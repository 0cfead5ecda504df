import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  OnVerification,
  PermanentError,
  RetryAfterError,
  VerificationCompleted,
  VerificationErrored,
  VerificationPartiallyCompleted,
  VerificationTerminated,
  type DeliveryState,
} from 'nestjs-cr3dentials-webhook';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const MINUTE = 60_000;

describe.each(databases)('an inbox with deliveries in every state, on %s', (kind) => {
  let finish: (() => void) | undefined;

  @Injectable()
  class EveryEnd {
    @OnVerification(VerificationCompleted)
    complete(): void {}

    @OnVerification(VerificationErrored)
    fail(): never {
      throw new PermanentError('never');
    }

    @OnVerification(VerificationTerminated)
    postpone(): never {
      throw new RetryAfterError(MINUTE);
    }

    @OnVerification(VerificationPartiallyCompleted)
    keepOn(): Promise<void> {
      return new Promise((resolve) => {
        finish = resolve;
      });
    }
  }

  const states: [DeliveryState, string, number][] = [
    ['completed', 'COMPLETED', 3],
    ['dead', 'ERROR', 2],
    ['pending', 'TERMINATED', 1],
    ['processing', 'PARTIAL_COMPLETE', 1],
    ['unhandled', 'CANCELLED', 2],
    ['discarded', 'CANCELLED', 1],
  ];
  const sessions = new Map<DeliveryState, unknown[]>();
  let database: TestDatabase;
  let app: WebhookApp;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    app = await webhookApp(database).withHandlers(EveryEnd).start();
    for (const [state, status, count] of states) {
      const bodies = Array.from({ length: count }, () => payload({ status }));
      sessions.set(
        state,
        bodies.map(({ sessionId }) => sessionId),
      );
      for (const body of bodies) await app.post(body);
      for (const { sessionId } of bodies) {
        if (state === 'discarded') await app.inbox.discard((await app.delivery(sessionId, 'unhandled')).id);
        await app.delivery(sessionId, state);
      }
    }
  });

  afterAll(async () => {
    finish?.();
    await app?.stop();
    await database?.drop();
  });

  it.each(states)('lists the %s deliveries', async (state, status, count) => {
    const listed = await app.inbox.list({ state });
    expect(listed.map((delivery) => [delivery.state, delivery.status])).toEqual(
      Array.from({ length: count }, () => [state, status]),
    );
    expect(listed.map(({ sessionId }) => sessionId)).toEqual(sessions.get(state)?.toReversed());
  });

  it('counts the deliveries of each state, none of them due', async () => {
    expect(await app.inbox.stats()).toMatchObject({
      ...Object.fromEntries(states.map(([state, , count]) => [state, count])),
      openRejections: 0,
      oldestDue: 0,
    });
  });

  it('counts the open rejections', async () => {
    const sessionId = sessions.get('completed')?.[0];
    await app.post(payload({ status: 'PAUSED' }));
    await app.post(payload({ status: 'PAUSED' }));
    await app.post(payload({ platformId: 'one' }));
    await app.post(payload({ sessionId, proofHash: 'another' }));
    expect((await app.inbox.stats()).openRejections).toBe(4);
    const [newest] = await app.inbox.rejections.list({ reason: 'unknown-status' });
    expect(await app.inbox.rejections.discard(newest?.id ?? '')).toBe(true);
    expect((await app.inbox.stats()).openRejections).toBe(3);
    expect(await app.inbox.rejections.list()).toHaveLength(3);
  });
});
