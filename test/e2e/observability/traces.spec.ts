import { describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OnVerification, PermanentError, VerificationCompleted, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { openTelemetry, type OpenTelemetryOptions } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import { sql } from '../../../src/database/sql.js';
import { ReceivingLimit } from '../../../src/concurrency/receiving.limit.js';
import { FailOnceWhenErrored, InATransaction, RememberEvents } from '../../support/app/doubles.js';
import { freshHost, RECEIVE_ONLY, type Configure } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { linkedIdsOf, parentIdOf, Traced } from '../../support/app/traced.js';
import { platforms, type Platform, type WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

const HOUR_MS = 3_600_000;
const hex = (span?: { spanContext(): { spanId: string } }) => span?.spanContext().spanId;

class LookAtTheSpan {
  readonly found: (string | undefined)[] = [];

  @OnVerification(VerificationCompleted, { id: 'look' })
  async look(): Promise<void> {
    await Promise.resolve();
    this.found.push(trace.getActiveSpan()?.spanContext().spanId);
  }
}

class FailForGood {
  @OnVerification(VerificationErrored, { id: 'hopeless' })
  fail(): void {
    throw new PermanentError('for good');
  }
}

/** Has the module do at once what it does after a random part of an interval. Nest makes ids of random numbers. */
function doAtOnce() {
  const random = Math.random.bind(Math);
  return jest
    .spyOn(Math, 'random')
    .mockImplementation(() => (new Error().stack?.includes('/src/retention/') ? 0 : random()));
}

/** Posts a delivery, and returns its id once it is in a state. */
async function processed(app: WebhookApp, body: Record<string, unknown>, state = 'completed'): Promise<string> {
  await app.post(body);
  return (await app.delivery(body.sessionId, state)).id;
}

describe.each(databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const)))(
  'traces, on %s and %s',
  (kind, platform) => {
    const traced = new Traced();
    const host = freshHost(kind);

    /** As an instrumentation of HTTP does. */
    const spanPerRequest = (app: INestApplication): void => {
      app.use((_: unknown, __: unknown, next: () => void) => traced.within('POST', next));
    };

    function tracedApp(configure: Configure = (a) => a, options: OpenTelemetryOptions = {}, on: Platform = platform) {
      const telemetry = openTelemetry({ metrics: false, tracerProvider: traced.provider, ...options });
      return host.start((a) => configure(a.on(on).configured(spanPerRequest).withOptions({ telemetry })));
    }

    const recorded = () => traced.named('record inbox')[0];

    it('have a span of the POST, and the first run of each handler as its child', async () => {
      const app = await tracedApp((a) => a.withHandlers(LookAtTheSpan, RememberEvents));
      const id = await processed(app, payload());
      await until('all spans have ended', () => traced.spans.length === 4);
      const [post, record] = [traced.named('POST')[0], recorded()];
      expect(parentIdOf(record)).toBe(hex(post));
      expect(record).toMatchObject({
        kind: SpanKind.PRODUCER,
        attributes: {
          'messaging.system': 'cr3dentials_webhook',
          'messaging.operation.name': 'record',
          'messaging.operation.type': 'send',
          'messaging.destination.name': 'inbox',
          'messaging.message.id': id,
          'cr3dentials_webhook.verdict': 'accepted',
        },
      });
      for (const name of ['look', 'remember']) {
        const [run] = traced.named(`handle ${name}`);
        expect(parentIdOf(run)).toBe(hex(record));
        expect(linkedIdsOf(run)).toEqual([]);
        expect(run).toMatchObject({
          kind: SpanKind.CONSUMER,
          status: { code: SpanStatusCode.UNSET },
          attributes: {
            'messaging.operation.name': 'handle',
            'messaging.operation.type': 'process',
            'messaging.destination.subscription.name': name,
            'messaging.message.id': id,
            'cr3dentials_webhook.attempt': 1,
            'cr3dentials_webhook.is_replay': false,
            'cr3dentials_webhook.source': 'handoff',
            'cr3dentials_webhook.outcome': 'completed',
            'cr3dentials_webhook.waited': expect.any(Number),
          },
        });
      }
      expect(app.nest.get(LookAtTheSpan).found).toEqual([hex(traced.named('handle look')[0])]);
    });

    it('have a trace of its own for a retry an hour later on another instance, linked to the POST', async () => {
      const clock = new MovingClock();
      const retry = { processing: { retry: { initialDelay: HOUR_MS, maxDelay: HOUR_MS, jitter: 'none' } } } as const;
      const first = await tracedApp((a) => a.withClock(clock).withHandlers(FailOnceWhenErrored).withOptions(retry));
      const body = payload({ status: 'ERROR' });
      await processed(first, body, 'pending');
      await host.stop(first);
      clock.advance(HOUR_MS);
      const second = await tracedApp((a) => a.withClock(clock).withHandlers(FailOnceWhenErrored));
      await second.delivery(body.sessionId, 'completed');
      await until('both runs have ended', () => traced.named('handle fail-once').length === 2);
      const [child, later] = traced.named('handle fail-once');
      const record = recorded();
      expect(parentIdOf(child)).toBe(hex(record));
      expect(child).toMatchObject({
        status: { code: SpanStatusCode.ERROR },
        attributes: { 'error.type': 'Error', 'cr3dentials_webhook.outcome': 'failed' },
      });
      expect(parentIdOf(later)).toBeUndefined();
      expect(later?.spanContext().traceId).not.toBe(record?.spanContext().traceId);
      expect(linkedIdsOf(later)).toEqual([hex(record)]);
      expect(later?.attributes).toMatchObject({
        'cr3dentials_webhook.attempt': 2,
        'cr3dentials_webhook.source': 'claim',
        'cr3dentials_webhook.waited': expect.any(Number),
      });
      expect(Number(later?.attributes['cr3dentials_webhook.waited'])).toBeLessThan(60);
    });

    it('link what another instance processes, and what an operator replays', async () => {
      const receiver = await tracedApp((a) => a.withOptions(RECEIVE_ONLY));
      const worker = await tracedApp((a) => a.withHandlers(FailForGood));
      const body = payload({ status: 'ERROR' });
      const id = await processed(receiver, body, 'dead');
      await traced.within('an operator', () => worker.inbox.replay(id));
      await until('it has run again', () => traced.named('handle hopeless').length === 2);
      const runs = traced.named('handle hopeless');
      const [operator] = traced.named('an operator');
      expect(linkedIdsOf(runs[0])).toEqual([hex(recorded())]);
      expect(linkedIdsOf(runs[1])).toEqual([hex(recorded()), hex(operator)]);
      for (const run of runs) {
        expect(parentIdOf(run)).toBeUndefined();
        expect(run.attributes).toMatchObject({ 'error.type': 'PermanentError', 'cr3dentials_webhook.outcome': 'dead' });
      }
      expect(runs.map(({ attributes }) => attributes['cr3dentials_webhook.is_replay'])).toEqual([false, true]);
    });

    it('link the runs of a bulk replay to the operator who started it, and those after it to the next one', async () => {
      const app = await tracedApp((a) => a.withHandlers(FailForGood));
      const body = payload({ status: 'ERROR' });
      const id = await processed(app, body, 'dead');
      const selection = { state: 'dead' } as const;
      const { asOf, count } = await app.inbox.bulk.preview({ action: 'replay', selection });
      const start = { action: 'replay', selection, asOf, expected: count, pauseAt: 1 } as const;
      await traced.within('an operator', () => app.inbox.bulk.start(start));
      await until('it has run again', () => traced.named('handle hopeless').length === 2);
      await app.delivery(body.sessionId, 'dead');
      await app.inbox.replay(id); // nobody traces this one
      await until('it has run once more', () => traced.named('handle hopeless').length === 3);
      const links = traced.named('handle hopeless').map((run) => linkedIdsOf(run).slice(1));
      expect(links).toEqual([[], [hex(traced.named('an operator')[0])], []]);
    });

    it('link the first run too where the host wants so', async () => {
      const app = await tracedApp((a) => a.withHandlers(RememberEvents), { firstAttempt: 'link' });
      await processed(app, payload());
      await until('its span has ended', () => traced.named('handle remember').length > 0);
      const [run] = traced.named('handle remember');
      expect([parentIdOf(run), linkedIdsOf(run)]).toEqual([undefined, [hex(recorded())]]);
    });

    it('have the delivery of a duplicate, and the verdict of a conflict', async () => {
      const app = await tracedApp((a) => a.withHandlers(RememberEvents));
      const body = payload();
      const id = await processed(app, body);
      await app.post(body);
      await app.post({ ...body, proofHash: 'another' });
      expect(
        traced
          .named('record inbox')
          .map(({ attributes }) => [attributes['cr3dentials_webhook.verdict'], attributes['messaging.message.id']]),
      ).toEqual([
        ['accepted', id],
        ['duplicate', id],
        ['conflict', undefined],
      ]);
    });

    it('have no span of the inbox’s own statements, and none of an idle instance', async () => {
      const random = doAtOnce(); // what an instance does each minute or hour
      const app = await tracedApp((a) => a.withHandlers(RememberEvents, InATransaction));
      random.mockRestore();
      const connection = app.nest.get(DatabaseConnection);
      const execute = connection.execute.bind(connection);
      let statements = 0;
      connection.execute = (...args) => {
        statements++;
        return traced.within('SQL', () => execute(...args));
      };
      const body = payload();
      await app.post(body); // and nothing is asked of the inbox, which would be traced
      await app.post(body); // a duplicate
      await app.post({ ...body, verificationStatus: 'ERRORED', extractedData: null }); // a conflict, which is rejected
      await app.post({ nonsense: true });
      await until('all spans have ended', () => traced.spans.length >= 10);
      await sleep(500);
      expect(statements).toBeGreaterThan(5); // polls, every 25 ms
      expect(traced.named('SQL').length).toBe(0);
      expect(traced.spans.map(({ name }) => name).toSorted()).toEqual([
        ...Array<string>(4).fill('POST'),
        'handle remember',
        'handle transactional',
        ...Array<string>(4).fill('record inbox'),
      ]);
    });

    it('say why a POST could not be recorded', async () => {
      const app = await tracedApp((a) => a.withOptions({ receiving: { maxQueued: 1 } }));
      app.nest.get(ReceivingLimit).enter(1);
      expect((await app.post(payload())).status).toBe(503);
      const refused = traced.named('record inbox').find(({ status }) => status.code === SpanStatusCode.ERROR);
      expect(refused?.attributes).toMatchObject({
        'cr3dentials_webhook.verdict': 'unavailable',
        'error.type': 'INBOX_FULL',
      });
    });

    it('are not there for a host whose SDK is not started, and nothing is stored', async () => {
      const telemetry = openTelemetry();
      const app = await host.start((a) => a.withHandlers(RememberEvents).withOptions({ telemetry }));
      const body = payload();
      await processed(app, body);
      const { records } = await app.nest
        .get(DatabaseConnection)
        .execute(sql`SELECT trace_context FROM cr3dentials_webhook_delivery`);
      expect(records).toEqual([{ trace_context: null }]);
    });
  },
);
