import { describe, expect, it } from '@jest/globals';
import { OnVerification } from 'nestjs-cr3dentials-webhook';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

const refuse = (): never => {
  throw new TypeError('Not even that.');
};
const hostile = new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse, ownKeys: refuse });
const THEN = ['th', 'en'].join('');
const shared = Promise.reject(new Error('The ledger is closed.'));
shared.catch(() => {});

/** What a handler does that should not, each as a failure. */
const failures: Record<string, () => unknown> = {
  'throws nothing': () => {
    throw undefined;
  },
  'throws an object that refuses everything': () => {
    throw hostile;
  },
  'throws an error whose code cannot be read': () => {
    throw Object.defineProperty(new Error('odd'), 'code', { get: refuse });
  },
  'throws an error whose message cannot be read': () => {
    throw Object.defineProperties(new Error('odd'), { message: { get: refuse }, stack: { get: refuse } });
  },
  'throws an error that causes itself': () => {
    const error = new Error('odd');
    throw Object.assign(error, { cause: error, driverError: error });
  },
  'rejects with an object that refuses everything': () => Promise.reject(hostile),
  'returns an object that refuses everything': () => hostile,
  'returns a thenable that cannot be read': () => Object.defineProperty({}, THEN, { get: refuse }),
  'returns a thenable that throws': () => ({ [THEN]: refuse }),
  'returns a thenable that rejects, and then resolves': () => ({
    [THEN]: (resolve: () => void, reject: (error: Error) => void) => {
      reject(new Error('odd'));
      resolve();
    },
  }),
  'returns a promise of another delivery, which has failed': () => shared,
  'returns an iterable that cannot be read': () => ({ [Symbol.iterator]: refuse }),
  'returns an async iterable that answers nonsense': () => ({
    [Symbol.asyncIterator]: () => ({ next: () => undefined }),
  }),
  'returns an Observable that throws': () => ({ subscribe: refuse, pipe: refuse }),
};

class Hostile {
  act: () => never = refuse;
  calls = 0;
  beside = 0;

  @OnVerification({ id: 'hostile' })
  handle(): void {
    this.calls++;
    return this.act();
  }

  @OnVerification({ id: 'beside' })
  note(): void {
    this.beside++;
  }
}

describe.each(databases)('a handler that does what it should not, on %s', (kind) => {
  const host = freshHost(kind);

  it.each(Object.entries(failures))('uses up its attempts, and nobody else’s: it %s', async (_, act) => {
    const app = await host.start((a) =>
      a.withHandlers(Hostile).withOptions({ processing: { retry: { attempts: 2, initialDelay: 1 } } }),
    );
    const handlers = app.nest.get(Hostile);
    handlers.act = act as () => never;
    const body = payload();
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'dead');
    expect(runs.map(({ handler, state, attempts }) => [handler, state, attempts]).toSorted()).toEqual([
      ['beside', 'completed', 1],
      ['hostile', 'dead', 2],
    ]);
    expect([handlers.calls, handlers.beside]).toEqual([2, 1]);
  });
});
