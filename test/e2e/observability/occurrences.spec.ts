import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  occurrences,
  OnVerification,
  PermanentError,
  VerificationCompleted,
  VerificationErrored,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { FailOnceWhenErrored, RememberEvents, WaitAtAGateWhenCompleted } from '../../support/app/doubles.js';
import { abandon, freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { attemptChannel } from '../../../src/instrumentation/occurrence.channels.js';
import { OccurrenceWatch } from '../../support/app/occurrence-watch.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

/** Fails for good, and quotes what nobody may see. */
@Injectable()
class QuoteEverything {
  @OnVerification(VerificationErrored, { id: 'quote' })
  handle({ sessionId, externalReferenceId, extractedData, metadata }: VerificationEvent): void {
    const text = JSON.stringify({ sessionId, externalReferenceId, extractedData, metadata });
    throw Object.assign(new PermanentError(text), { name: `Refused ${sessionId}` });
  }
}

/** Each fails in its own time: the first at once, the second behind a gate. */
@Injectable()
class FailOneByOne extends WaitAtAGateWhenCompleted {
  @OnVerification(VerificationCompleted, { id: 'hopeless' })
  fail(): void {
    throw new PermanentError('for good');
  }
}

const stores = new AsyncLocalStorage<string>();

@Injectable()
class LookIntoTheStore {
  readonly found: unknown[] = [];

  @OnVerification({ id: 'look' })
  async handle(): Promise<void> {
    await Promise.resolve();
    this.found.push(stores.getStore());
  }
}

describe('what happened', () => {
  const host = freshHost('sqlite');
  let watch: OccurrenceWatch;

  beforeEach(() => {
    watch = new OccurrenceWatch();
  });

  afterEach(() => watch.stop());

  it('is announced once, with these fields and no others', async () => {
    const app = await host.start((a) => a.withHandlers(FailOnceWhenErrored));
    const [errored, completed] = [payload({ status: 'ERROR' }), payload()];
    await app.post(errored);
    const { id } = await app.delivery(errored.sessionId, 'completed');
    await app.post(completed);
    const { id: unhandled } = await app.delivery(completed.sessionId, 'unhandled');
    await app.post({ ...errored, proofHash: 'another' });
    await app.post(payload(), { headers: { 'x-api-key': 'wrong' } });
    const [rejection] = await app.rejections();
    await app.inbox.discard(unhandled);
    await app.inbox.rejections.discard(rejection?.id ?? '');
    const erasure = await app.inbox.erase({ sessionId: String(errored.sessionId) });
    await host.stop(app);

    const { instance } = watch.of('started')[0] ?? {};
    expect(new Set(watch.heard.map(({ message }) => (message as { instance: string }).instance))).toEqual(
      new Set([instance]),
    );
    const milliseconds = expect.any(Number);
    const none = { error: undefined };
    const settled = { age: milliseconds, reason: undefined, replays: 0 };
    const run = { instance, deliveryId: id, handler: 'fail-once', isReplay: false, isTransactional: false };
    const decided = { instance, deliveryId: undefined, rejectionId: undefined };
    expect(watch.of('started')).toEqual([
      {
        instance,
        routes: ['/webhook/cr3dentials'],
        database: expect.any(String),
        tables: expect.any(String),
        isDurable: expect.any(Boolean),
        handlers: expect.objectContaining({ ERROR: ['fail-once'], COMPLETED: [] }),
      },
    ]);
    expect(watch.of('received')).toEqual([
      { instance, verdict: 'accepted', deliveryId: id, duration: milliseconds, ...none },
      { instance, verdict: 'accepted', deliveryId: unhandled, duration: milliseconds, ...none },
      { instance, verdict: 'conflict', deliveryId: undefined, duration: milliseconds, ...none },
    ]);
    expect(watch.of('refused')).toEqual([
      { instance, kind: 'unauthorized', status: 401, secretProblem: 'wrong', hasVerdict: false },
    ]);
    expect(watch.of('flushed')).toHaveLength(3);
    expect(watch.of('flushed')[0]).toEqual({ instance, size: 1, bytes: milliseconds, duration: milliseconds, ...none });
    expect(watch.of('claimed')).toEqual([{ instance, deliveryIds: [id] }]);
    expect(watch.of('begun')).toEqual([
      { instance, deliveryId: id, source: 'handoff', waited: milliseconds },
      { instance, deliveryId: id, source: 'claim', waited: milliseconds },
      { instance, deliveryId: unhandled, source: 'handoff', waited: milliseconds },
    ]);
    expect(watch.of('attempt')).toEqual([
      {
        ...run,
        attempt: 1,
        source: 'handoff',
        waited: milliseconds,
        outcome: 'failed',
        duration: milliseconds,
        nextIn: 20,
        error: { type: 'Error', message: 'Error: not yet' },
      },
      {
        ...run,
        attempt: 2,
        source: 'claim',
        waited: milliseconds,
        outcome: 'completed',
        duration: milliseconds,
        nextIn: undefined,
      },
    ]);
    expect(watch.of('settled')).toEqual([
      { instance, deliveryId: id, state: 'pending', dispatches: 1, ...settled, nextIn: milliseconds },
      { instance, deliveryId: id, state: 'completed', dispatches: 2, ...settled, nextIn: undefined },
      { instance, deliveryId: unhandled, state: 'unhandled', dispatches: 1, ...settled, nextIn: undefined },
    ]);
    expect(watch.of('decided')).toEqual([
      { ...decided, decision: 'discard', answer: 'discarded', deliveryId: unhandled },
      { ...decided, decision: 'discard-rejection', answer: 'discarded', rejectionId: rejection?.id },
    ]);
    const erased = { deliveries: 1, rejections: 1, interrupted: 0, isDone: true, isComplete: true };
    expect(watch.of('erased')).toEqual([{ instance, erasureId: erasure.id, ...erased }]);
    expect(watch.of('draining')).toEqual([{ instance, inFlight: 0 }]);
    expect(watch.of('stopped')).toEqual([{ instance }]);
    const unheard = occurrences.filter((name) => watch.of(name).length === 0);
    const ofQueues = ['enqueued', 'queue-claimed'];
    expect(unheard).toEqual(['rescued', 'poisoned', 'renewed', 'lease-lost', ...ofQueues, 'database-unavailable']);
  });

  it('is told of a duplicate with the delivery that has its content', async () => {
    const app = await host.start((a) => a.withHandlers(RememberEvents));
    const body = payload();
    for (let times = 0; times < 2; times++) await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'completed');
    expect(watch.of('received')).toMatchObject([
      { verdict: 'accepted', deliveryId: id },
      { verdict: 'duplicate', deliveryId: id },
    ]);
  });

  it('is told of rescues, of crash loops and of renewals', async () => {
    const app = await host.start((a) =>
      a.withHandlers(WaitAtAGateWhenCompleted).withOptions({ processing: { lease: 1_000, pollInterval: 25 } }),
    );
    const [held, poisoned, forgotten] = [payload(), payload({ status: 'CANCELLED' }), payload({ status: 'ERROR' })];
    await app.post(held);
    await until('its lease is renewed', () => watch.of('renewed').length > 0);
    expect(watch.of('renewed')[0]).toMatchObject({ count: 1 });
    for (const body of [poisoned, forgotten]) await app.post(body);
    const { id } = await app.delivery(poisoned.sessionId, 'unhandled');
    const { id: rescued } = await app.delivery(forgotten.sessionId, 'unhandled');
    await abandon(app, id, { rescues: 2 });
    await abandon(app, rescued);
    await app.delivery(poisoned.sessionId, 'dead');
    await until('it is rescued', () => watch.of('rescued').length > 0);
    expect(watch.of('poisoned')).toMatchObject([{ count: 1 }]);
    expect(watch.of('rescued')).toMatchObject([{ deliveryIds: [rescued] }]);
    await until('it is processed', () => watch.of('begun').some(({ source }) => source === 'rescue'));
    expect(watch.of('begun').find(({ source }) => source === 'rescue')).toMatchObject({ waited: undefined });
    app.nest.get(WaitAtAGateWhenCompleted).gate.open();
  });

  it('tells that a handler is dead while another still runs', async () => {
    const app = await host.start((a) => a.withHandlers(FailOneByOne));
    const body = payload();
    await app.post(body);
    await until('the first has ended', () => watch.of('attempt').length > 0);
    expect(watch.of('attempt')).toMatchObject([
      { handler: 'hopeless', outcome: 'dead', error: { type: 'PermanentError' } },
    ]);
    expect(watch.of('settled')).toEqual([]);
    app.nest.get(FailOneByOne).gate.open();
    await app.delivery(body.sessionId, 'dead');
    await until('the outcome is announced', () => watch.of('settled').length > 0);
    expect(watch.of('settled')).toMatchObject([{ state: 'dead', reason: 'handler' }]);
  });

  it('counts the time that a delivery was due, and not the delay before its retry', async () => {
    const app = await host.start((a) =>
      a
        .withHandlers(FailOnceWhenErrored)
        .withOptions({ processing: { pollInterval: 25, retry: { initialDelay: 700, jitter: 'none' } } }),
    );
    const body = payload({ status: 'ERROR' });
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    const [, retry] = watch.of('attempt');
    expect(retry?.waited).toBeLessThan(600);
  });

  it('has no personal data, no session, no tenant and no secret, except in the raw error of a run', async () => {
    const app = await host.start((a) =>
      a
        .withHandlers(QuoteEverything)
        .withOptions({ auth: { resolveSecrets: () => ({ tenant: 'tenant-4711', secrets: ['secret-4711'] }) } }),
    );
    const headers = { 'x-api-key': 'secret-4711' };
    const marked = { sessionId: 'session-"4711"', status: 'ERROR', externalReferenceId: 'reference-4711' };
    await app.post(payload(marked), { headers });
    await app.delivery(marked.sessionId, 'dead', 'tenant-4711');
    await app.post(payload({ ...marked, proofHash: 'proof-4711' }), { headers });
    await app.post(payload({ status: 'status-4711' }), { headers });
    await app.post('{"sessionId":"4711"}', { headers: { 'x-api-key': 'guess-4711' } });
    await until('the outcome is announced', () => watch.of('settled').length > 0);
    expect(watch.heard.length).toBeGreaterThan(8);
    const all = inspect(watch.heard, { depth: 9, maxStringLength: null });
    expect([/4711/, /Canary/, /canary/].filter((marker) => marker.test(JSON.stringify(watch.heard)))).toEqual([]);
    expect(all).not.toMatch(/4711|canary/i);
    const error = watch.of('attempt')[0]?.error ?? {};
    expect(error).toMatchObject({ type: 'PermanentError', message: expect.stringContaining('[redacted]') });
    expect(String(Object(error).cause)).toContain('session-');
    expect({ ...error }).not.toHaveProperty('cause');
  });

  it('gives a handler the store that is bound to the channel of runs, and no other', async () => {
    const { start } = attemptChannel();
    start.bindStore(stores, (message) => (message as { handler: string }).handler);
    try {
      const app = await host.start((a) => a.withHandlers(LookIntoTheStore, RememberEvents));
      const body = payload();
      await app.post(body);
      await app.delivery(body.sessionId, 'completed');
      expect(app.nest.get(LookIntoTheStore).found).toEqual(['look']);
    } finally {
      start.unbindStore(stores);
    }
  });

  it('is told of two instances in one process apart', async () => {
    const apps = [await host.start(), await host.start((a) => a.withOptions(RECEIVE_ONLY))];
    for (const app of apps) await app.post(payload());
    const instances = watch.of('started').map(({ instance }) => instance);
    expect(new Set(instances).size).toBe(2);
    expect(watch.of('received').map(({ instance }) => instance)).toEqual(instances);
    expect(watch.of('started').map(({ handlers }) => handlers === undefined)).toEqual([false, true]);
  });
});
