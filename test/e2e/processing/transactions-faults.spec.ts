import { describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { Delivery } from '../../../src/inbox/delivery.entity.js';
import { DeliveryStateRow } from '../../../src/inbox/delivery-state.entity.js';
import { DataSource, EventSubscriber, type EntitySubscriberInterface } from 'typeorm';
import { databases, servers, type DatabaseKind } from '../../support/database/databases.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, Gate, type FreshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { until } from '../../support/time/until.js';

/** Does what it is told after its write, in its first run. */
class BookAnd {
  readonly attempts: number[] = [];
  readonly gate = new Gate();
  afterwards: () => unknown = () => {};

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager, attempt }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    await manager.insert(Effect, { sessionId });
    if (this.attempts.length === 1) await this.afterwards();
  }
}

/** Has no transaction, and asks the host's database on its own account; at first for long. */
class AskTheDatabase {
  readonly attempts: number[] = [];

  constructor(
    readonly dataSource: DataSource,
    readonly slowQuery: string,
  ) {}

  @OnVerification({ id: 'ask' })
  async handle(_: VerificationEvent, { attempt }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    await this.dataSource.query(this.attempts.length === 1 ? this.slowQuery : 'SELECT 1');
  }
}

/** Is still waiting for its database when its time is over, and goes on writing as soon as it can. */
class BookBehindASlowQuery {
  readonly ended: string[] = [];

  constructor(readonly query: string) {}

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    try {
      await manager.query(this.query);
      for (let n = 0; n < 3; n++) await manager.insert(Effect, { sessionId });
      this.ended.push('written');
    } catch {
      this.ended.push('refused');
    }
  }
}

/** Does what it is told just before the next commit. */
@EventSubscriber()
class BeforeCommit implements EntitySubscriberInterface {
  next: () => void = () => {};

  beforeTransactionCommit(): void {
    this.next();
    this.next = () => {};
  }
}

/** Every failure that uses up an attempt is its last. */
const onlyOnce = { processing: { retry: { attempts: 1, initialDelay: 10, jitter: 'none' } } } as const;

describe.each(databases)('a transactional handler that runs longer than its lease, on %s', (kind) => {
  const host = freshHost(kind);

  it('is not cancelled, because its lease is renewed', async () => {
    const app = await host.start((a) =>
      withEffects(a)
        .withHandlers(BookAnd)
        .withOptions({ ...onlyOnce, processing: { ...onlyOnce.processing, lease: 1_000 } }),
    );
    const book = app.nest.get(BookAnd);
    const begun = performance.now();
    book.afterwards = () => until('the lease would be over twice', () => performance.now() - begun > 2_000);
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');

    expect(book.attempts).toEqual([1]);
    expect(await effectsOf(app, body.sessionId)).toBe(1);
    expect(app.logger.matching(/leases? (of|will|,)/i)).toEqual([]);
  });
});

for (const kind of servers) {
  describe(`a database server that fails, ${kind}`, () => {
    const host = freshHost(kind);

    it('rolls back what a handler writes behind a query that outlasts its timeout', async () => {
      const slow = new BookBehindASlowQuery(kind === 'postgres' ? 'SELECT pg_sleep(0.3)' : 'SELECT SLEEP(0.3)');
      const app = await host.start((a) =>
        withEffects(a)
          .withHandlers({ provide: BookBehindASlowQuery, useValue: slow })
          .withOptions({ ...onlyOnce, processing: { ...onlyOnce.processing, handlerTimeout: 60 } }),
      );
      const body = payload();
      await app.post(body);
      await app.delivery(body.sessionId, 'dead');
      await until('it has ended', () => slow.ended.length === 1);

      expect(await effectsOf(app, body.sessionId)).toBe(0);
      expect(slow.ended).toEqual(['refused']);
    });

    it('does not cause a second effect when the answer to a commit is lost', async () => {
      const outside = await fromOutside(host);
      const proxy = await TcpProxy.to((host.database.options as { url: string }).url);
      const app = await host.start((a) =>
        withEffects(a, { url: proxy.url, subscribers: [BeforeCommit] } as object)
          .withHandlers(BookAnd)
          .withOptions(onlyOnce),
      );
      const book = app.nest.get(BookAnd);
      const [subscriber] = app.nest.get(DataSource).subscribers as BeforeCommit[];
      book.afterwards = () => {
        if (subscriber) subscriber.next = () => proxy.swallowAnswers();
      };
      const body = payload();
      await app.post(body);
      await until('it is committed', async () => (await outside.effects(body)) > 0);
      proxy.cut();
      await until('it has completed', async () => (await outside.state(body)) === 'completed');
      await host.stop(app);
      await proxy.refuse();

      expect(await outside.effects(body)).toBe(1);
      expect(book.attempts).toEqual([1]);
    });

    it('costs a transactional handler no attempt when its connection is lost in the middle, and it takes effect once', async () => {
      const outside = await fromOutside(host);
      const app = await host.start((a) => withEffects(a, named(kind)).withHandlers(BookAnd).withOptions(onlyOnce));
      const book = app.nest.get(BookAnd);
      book.afterwards = () => book.gate.pass();
      const body = payload();
      await app.post(body);
      await until('it has written', () => book.gate.arrivals === 1);
      await outside.endConnections();
      book.gate.open();
      await until('it has completed', async () => (await outside.state(body)) === 'completed');

      expect(book.attempts).toEqual([1, 1]);
      expect(await outside.effects(body)).toBe(1);
      expect(app.logger.matching(/^WARN Handler "book".*interrupted, next attempt/)).toHaveLength(1);
    });

    it('costs a plain handler an attempt when only its own connection to the same database is lost', async () => {
      const outside = await fromOutside(host);
      const slowQuery = kind === 'postgres' ? 'SELECT pg_sleep(20)' : 'SELECT SLEEP(20)';
      const app = await host.start((a) =>
        withEffects(a, named(kind))
          .withHandlers({
            provide: AskTheDatabase,
            inject: [DataSource],
            useFactory: (dataSource: DataSource) => new AskTheDatabase(dataSource, slowQuery),
          })
          .withOptions({ processing: { retry: { initialDelay: 0 } } }),
      );
      const { attempts } = app.nest.get(AskTheDatabase);
      const body = payload();
      await app.post(body);
      await until('its query runs', () => outside.isRunning(slowQuery));
      await outside.end(slowQuery);
      await until('it has completed', async () => (await outside.state(body)) === 'completed');

      expect(attempts).toEqual([1, 2]);
    });
  });
}

const APP = 'the app whose connections end';

/** So that its connections can be told from all others. */
function named(kind: DatabaseKind): object {
  return kind === 'postgres' ? { applicationName: APP } : {};
}

/** The app's database, seen on a connection that stays when the app loses its own. */
async function fromOutside(host: FreshHost) {
  const outside = await host.database.connect({ entities: [Delivery, DeliveryStateRow, Effect] });
  return {
    effects: ({ sessionId }: Record<string, unknown>) =>
      outside.getRepository(Effect).countBy({ sessionId: String(sessionId) }),
    state: async ({ sessionId }: Record<string, unknown>) => {
      const delivery = await outside.getRepository(Delivery).findOneBy({ sessionId: String(sessionId) });
      return (await outside.getRepository(DeliveryStateRow).findOneBy({ deliveryId: delivery?.id ?? '' }))?.state;
    },
    async isRunning(query: string): Promise<boolean> {
      const running: unknown[] = await outside.query(
        outside.options.type === 'postgres'
          ? `SELECT pid FROM pg_stat_activity WHERE application_name = '${APP}' AND state = 'active' AND query = '${query}'`
          : `SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND info = '${query}'`,
      );
      return running.length > 0;
    },
    /** Ends the connection on which a query runs. */
    async end(query: string): Promise<void> {
      if (outside.options.type === 'postgres') {
        const its = `application_name = $1 AND query = $2`;
        await outside.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${its}`, [APP, query]);
        return;
      }
      const running = await outside.query<{ id: string }[]>(
        'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND info = ?',
        [query],
      );
      for (const { id } of running) await outside.query(`KILL CONNECTION ${id}`);
    },
    /** Ends every connection of the app, as a server does that is told to stop. */
    async endConnections() {
      if (outside.options.type === 'postgres') {
        const mine = `query LIKE '%"' || current_schema() || '"%'`;
        await outside.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 OR (pid <> pg_backend_pid() AND ${mine})`,
          [APP],
        );
        return;
      }
      const connections = await outside.query<{ id: string }[]>(
        'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
      );
      for (const { id } of connections) await outside.query(`KILL CONNECTION ${id}`).catch(() => {}); // it has ended
    },
  };
}
