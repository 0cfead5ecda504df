import { describe, expect, it } from '@jest/globals';
import { OnEvent } from '@nestjs/event-emitter';
import {
  OnVerification,
  VerificationCompleted,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { Observable, concat, defer, from, map, of, timer } from 'rxjs';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** What a handler has done by the end of its run. */
class Journal {
  readonly entries: string[] = [];
  later = async (entry: string) => {
    await sleep(30);
    this.entries.push(entry);
  };
  failLater = async () => {
    await sleep(30);
    throw new Error('failed later');
  };
}

type Made = (journal: Journal, context: HandlerContext) => unknown;

/** Returns what the test makes. */
class Return {
  make: Made = () => undefined;
  readonly journal = new Journal();
  attempts = 0;

  @OnVerification({ id: 'return' })
  handle(_: VerificationEvent, context: HandlerContext): Promise<unknown> {
    this.attempts++;
    return this.make(this.journal, context) as Promise<unknown>;
  }
}

async function* stepsOf({ later }: Journal) {
  await later('one');
  yield later('two');
  await later('three');
}

function* lazySteps({ later }: Journal) {
  yield later('one');
  yield later('two');
}

const THEN = ['th', 'en'].join('');

/** As query builders are. */
class Thenable {
  constructor(private readonly journal: Journal) {
    Object.defineProperty(this, THEN, { value: this.begin });
  }

  private begin(resolve: (value: unknown) => void): void {
    void this.journal.later('one').then(() => resolve(this.journal.later('two')));
  }
}

/** What other libraries than rxjs return. */
const interoperable = (journal: Journal) => ({
  '@@observable': () => defer(() => journal.later('one')),
});

const results: [string, Made, string[]][] = [
  ['a promise', ({ later }) => later('one'), ['one']],
  ['a thenable of a promise', (journal) => new Thenable(journal), ['one', 'two']],
  ['an Observable', ({ later }) => defer(() => later('one')), ['one']],
  [
    'an Observable of several values',
    ({ later }) =>
      concat(
        defer(() => later('one')),
        later('two'),
      ),
    ['one', 'two'],
  ],
  ['an Observable of promises', ({ later }) => of('one', 'two').pipe(map(later)), ['one', 'two']],
  [
    'an Observable that has no value',
    ({ later }) => new Observable((o) => void later('one').then(() => o.complete())),
    ['one'],
  ],
  ['an Observable of another library', interoperable, ['one']],
  ['a promise of an Observable', async ({ later }) => defer(() => later('one')), ['one']],
  [
    'an array of them',
    ({ later }) => [later('one'), defer(() => later('two')), [later('three')]],
    ['one', 'two', 'three'],
  ],
  ['a set of them', ({ later }) => new Set([later('one'), later('two')]), ['one', 'two']],
  ['a generator', lazySteps, ['one', 'two']],
  ['an async generator', stepsOf, ['one', 'two', 'three']],
  ['an async iterable', (journal) => ({ [Symbol.asyncIterator]: () => stepsOf(journal) }), ['one', 'two', 'three']],
];

const failures: [string, Made][] = [
  ['an Observable that fails', ({ failLater }) => defer(failLater)],
  ['an Observable of a promise that fails', ({ failLater }) => of(1).pipe(map(failLater))],
  ['an array with a promise that fails', ({ later, failLater }) => [failLater(), later('one')]],
  [
    'an async generator that fails',
    async function* ({ failLater }) {
      yield 1;
      await failLater();
    },
  ],
  [
    'a generator of a promise that fails',
    function* ({ failLater }) {
      yield failLater();
    },
  ],
];

const host = freshHost('sqlite');

async function running(make: Made, processing = {}): Promise<{ app: WebhookApp; handler: Return; sessionId: unknown }> {
  const retry = { attempts: 1 };
  const app = await host.start((a) => a.withHandlers(Return).withOptions({ processing: { retry, ...processing } }));
  const handler = app.nest.get(Return);
  handler.make = make;
  const body = payload();
  await app.post(body);
  return { app, handler, sessionId: body.sessionId };
}

describe('what a handler returns', () => {
  it.each(results)('is awaited when it is %s', async (_, make, entries) => {
    const { app, handler, sessionId } = await running(make);
    await app.delivery(sessionId, 'completed');

    expect(handler.journal.entries.toSorted()).toEqual(entries.toSorted());
  });

  it.each(failures)('fails the run when it is %s', async (_, make) => {
    const { app, sessionId } = await running(make);
    const { runs } = await app.delivery(sessionId, 'dead');

    expect(runs).toMatchObject([{ state: 'dead', attempts: 1, lastError: 'Error: failed later' }]);
  });

  it.each<[string, Made]>([
    ['text', () => 'text'],
    ['null', () => null],
    ['an object', () => ({ id: 1 })],
    ['bytes', () => Buffer.alloc(10)],
    ['an array of objects', () => [{ id: 1 }, 'text', null]],
    [
      'an array that has itself',
      () => {
        const circle: unknown[] = [];
        circle.push(circle);
        return circle;
      },
    ],
    [
      'what has only a subscribe method',
      () => ({
        subscribe: () => {
          throw new Error('subscribed');
        },
      }),
    ],
  ])('is nothing to wait for when it is %s', async (_, make) => {
    const { app, sessionId, handler } = await running(make);
    await app.delivery(sessionId, 'completed');

    expect(handler.attempts).toBe(1);
  });

  it('is refused when it is a function, which nobody would call', async () => {
    const { app, sessionId } = await running((journal) => () => journal.later('one'));
    const { runs } = await app.delivery(sessionId, 'dead');

    expect(runs[0]?.lastError).toMatch(/returned a function, which nobody calls\. Call it/);
  });

  it('is unsubscribed when it is an Observable that takes too long', async () => {
    let unsubscribed = 0;
    const endless = new Observable(() => () => void unsubscribed++);
    const { app, sessionId } = await running(() => endless, { handlerTimeout: 100 });
    const { runs } = await app.delivery(sessionId, 'dead');

    expect(runs).toMatchObject([{ lastError: 'Error: Timed out after 100 ms.' }]);
    expect(unsubscribed).toBe(1);
  });

  it('is closed when it is an async generator that takes too long', async () => {
    let closed = 0;
    const ticks = async function* () {
      try {
        for (;;) yield sleep(10);
      } finally {
        closed++;
      }
    };
    const { app, sessionId } = await running(ticks, { handlerTimeout: 100 });
    await app.delivery(sessionId, 'dead');
    await until('it is closed', () => closed > 0);

    expect(closed).toBe(1);
  });

  it('has time to end when it is an Observable with a timer', async () => {
    const { app, handler, sessionId } = await running(() => timer(50), { handlerTimeout: 5_000 });
    await app.delivery(sessionId, 'completed');

    expect(handler.attempts).toBe(1);
  });

  it('is awaited of each listener of the event emitter, after one of them has failed too', async () => {
    const entries: string[] = [];
    class Listen {
      @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
      fail(): void {
        throw new Error('at once');
      }

      @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
      later(): Observable<unknown> {
        return from(sleep(50).then(() => entries.push('later')));
      }
    }
    const app = await host.start((a) => a.withHandlers(Listen).withOptions({ processing: { retry: { attempts: 1 } } }));
    const body = payload();
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'dead');

    expect(runs).toMatchObject([{ handler: 'event-emitter', lastError: 'Error: at once' }]);
    expect(entries).toEqual(['later']);
  });
});
