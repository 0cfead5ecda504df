import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { join, sql } from '../../../src/database/sql.js';
import { DeliveryLookupQueries } from '../../../src/inbox/delivery-lookup.queries.js';
import { DeliverySearchQueries, type DeliverySearch } from '../../../src/inbox/delivery-search.queries.js';
import { DeliverySearches } from '../../../src/inbox/delivery.search.js';
import { InboxQueries } from '../../../src/inbox/inbox.queries.js';
import { PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import { RejectionSearchQueries } from '../../../src/inbox/rejection-search.queries.js';
import { windowOf, type Place } from '../../../src/inbox/windowed.search.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';
import { turnsDuring } from '../../support/time/turns.js';
import { withoutPossibleKeys } from '../../support/database/plans.js';

const COMPLETED = 12_000;
const DEAD = 600;
const FEW = 3;
const MIDDLE = 6_000;
const TIMEOUT_MS = 5_000;
/** How each database says that it reads a whole table of ours, rather than a list of values or a window. */
const SCAN = /Seq Scan on|SCAN (?:[dsr]|cr3dentials_\w+)(?=\\?")|"table":"(?:[dsr]|cr3dentials_\w+)"[^}]*"type":"ALL"/;
const BOUNDS = { limit: 50, scan: 20_000 };

/** The few are the oldest: who looks through all rows for them finds them last. */
const states = [
  ...['pending', 'processing', 'unhandled', 'discarded', 'erased'].flatMap((state) => Array<string>(FEW).fill(state)),
  ...Array<string>(COMPLETED).fill('completed'),
  ...Array<string>(DEAD).fill('dead'),
];

interface Row {
  readonly id: string;
  readonly state: string;
  readonly tenant: string;
}

const rows: Row[] = states.map((state, n) => ({ id: uuidv7(), state, tenant: n < 5 ? 'few' : 'many' }));

async function insert({ connection, tables }: StandaloneInbox, some: readonly Row[]): Promise<void> {
  await connection.execute(
    sql`INSERT INTO ${tables.delivery} (id, idempotency_key, tenant, session_id, status, platform_id,
          external_reference_id, raw_body, fingerprint, received_at)
        VALUES ${join(some.map(({ id, tenant }) => sql`(${join([id, id, tenant, id, 'ERROR', 1, id.slice(-4), '{}', '', timeOf(id)])})`))}`,
  );
  await connection.execute(
    sql`INSERT INTO ${tables.deliveryState} (delivery_id, state, next_attempt_at, lease_expires_at, finished_at)
        VALUES ${join(some.map(({ id, state }) => sql`(${join([id, state, ...timesOf(state)])})`))}`,
  );
}

function timesOf(state: string): (number | null)[] {
  return [state === 'pending' ? 5 : null, state === 'processing' ? 5 : null, /pend|proc/.test(state) ? null : 5];
}

function timeOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

async function fill(inbox: StandaloneInbox): Promise<void> {
  for (let first = 0; first < rows.length; first += 1_000) await insert(inbox, rows.slice(first, first + 1_000));
  const dead = rows.filter(({ state }) => state === 'dead');
  const runs = dead.map(({ id }, n) => sql`(${join([id, n % 2 ? 'odd' : 'even', 'dead', 1, `E: row ${n}`, 5])})`);
  await inbox.connection.execute(
    sql`INSERT INTO ${inbox.tables.handlerRun} (delivery_id, handler, state, attempts, last_error, updated_at) VALUES ${join(runs)}`,
  );
  if (inbox.dataSource.options.type === 'better-sqlite3') return; // nobody runs ANALYZE there
  for (const table of ['delivery', 'delivery_state', 'handler_run'])
    await inbox.dataSource.query(
      `${inbox.dataSource.options.type === 'mariadb' ? 'ANALYZE TABLE' : 'ANALYZE'} cr3dentials_webhook_${table}`,
    );
}

describe.each(databases)('a search among many deliveries, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;
  let searches: DeliverySearches;
  let lookup: DeliveryLookupQueries;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.openWatched(database);
    const { connection, tables } = inbox;
    searches = new DeliverySearches(connection, new DeliverySearchQueries(connection, tables));
    lookup = new DeliveryLookupQueries(connection, tables, new PlainTextCodec());
    await fill(inbox);
  }, 90_000);

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  /** The plans of all queries that some work makes. */
  async function plansOf(work: () => Promise<unknown>): Promise<string[]> {
    const before = inbox.statements.length;
    await work();
    const made = inbox.statements
      .map((text, n) => [text, inbox.parameters[n] ?? []] as const)
      .slice(before)
      .filter(([text]) => /SELECT[^]*cr3dentials_webhook/.test(text));
    const explain = { sqlite: 'EXPLAIN QUERY PLAN', postgres: 'EXPLAIN', mariadb: 'EXPLAIN' }[kind];
    const plans: string[] = [];
    for (const [text, values] of made) {
      const query = text.replace(/^SET STATEMENT max_statement_time = [\d.]+ FOR /, '');
      plans.push(withoutPossibleKeys(await planOf(`${explain} ${query}`, values)));
    }
    return plans;
  }

  /** PostgreSQL reads tables as small as these as a whole, unless it may only where no index serves. */
  function planOf(text: string, values: readonly unknown[]): Promise<unknown> {
    return inbox.dataSource.transaction(async (manager) => {
      if (kind === 'postgres') await manager.query('SET LOCAL enable_seqscan = off');
      return manager.query<unknown>(text, [...values]);
    });
  }

  it.each<[count: number, index: string | undefined, search: DeliverySearch]>([
    [FEW, 'delivery_due', { state: 'pending' }],
    [FEW, 'delivery_due', { state: 'pending', sort: 'due' }],
    [FEW, 'delivery_expired', { state: 'processing' }],
    [FEW, 'delivery_by_state', { state: 'unhandled' }],
    [50, 'delivery_by_state', { state: 'dead' }],
    [50, 'delivery_by_state', { state: 'dead', handler: 'odd' }],
    [50, 'delivery_by_state', { state: 'dead', error: 'ROW 5' }],
    [50, 'delivery_by_state', { state: 'dead', tenants: ['many', 'few'] }],
    [5, 'delivery_by_tenant', { tenants: ['few'] }],
    [50, undefined, {}],
    [50, undefined, { state: 'completed' }],
    [50, undefined, { from: timeOf(rows[0]?.id ?? ''), to: timeOf(rows.at(-1)?.id ?? '') }],
  ])('finds %i by this index, or by id: %s, and reads no table as a whole: %j', async (count, index, search) => {
    let found = 0;
    const plans = await plansOf(async () => {
      found = (await searches.list(search, undefined, BOUNDS, TIMEOUT_MS)).items.length;
    });
    expect(found).toBe(count);
    expect(plans.length).toBeGreaterThan(1);
    expect(plans.join('\n')).toContain(index ?? ''); // the index of ids has a name of its own on each database
    for (const plan of plans) expect(plan).not.toMatch(SCAN);
  });

  it('goes on in the middle of a tenant without reading what comes before', async () => {
    const middle = rows[MIDDLE];
    const plans = await plansOf(async () => {
      const search: DeliverySearch = { tenants: ['many'] };
      const found = await searches.list(search, { id: middle?.id ?? '' }, BOUNDS, TIMEOUT_MS);
      expect(found.items[0]?.id).toBe(rows[MIDDLE - 1]?.id);
      const { connection, tables } = inbox;
      const queries = new InboxQueries(connection, tables, { now: Date.now }, new PlainTextCodec());
      const filter = { tenant: 'many', before: middle?.id ?? '', limit: 10 };
      expect((await queries.list(filter))[0]?.id).toBe(rows[MIDDLE - 1]?.id);
    });
    // Both columns of the index are used, which have 1022 and 38 bytes on MariaDB. PostgreSQL takes the primary key here.
    const isRange = {
      mariadb: /"type":"range","key":"\w+by_tenant","key_len":"1060"/,
      postgres: /Index Cond: [^"]*id[^"]*</,
      sqlite: /by_tenant \(tenant=\? AND id<\?\)/,
    }[kind];
    const walks = plans.filter((plan) => isRange.test(plan));
    expect(walks).toHaveLength(2);
    for (const plan of walks) expect(plan).not.toMatch(/filesort|TEMP B-TREE|Sort Key/);
  });

  it('lets others have their turn between its windows', async () => {
    const scan = 5_000;
    const search = () => searches.list({ status: 'COMPLETED' }, undefined, { limit: 50, scan }, TIMEOUT_MS);
    expect(await turnsDuring(search)).toBeGreaterThanOrEqual(scan / windowOf(inbox.connection.dialect) - 1);
  });

  it('finds identifiers and tenants by indexes', async () => {
    const [first] = rows as [Row];
    const plans = await plansOf(async () => {
      expect(await lookup.tenants(TIMEOUT_MS)).toEqual(['', 'few', 'many']);
      expect(await lookup.byKeys([first.id], undefined, TIMEOUT_MS)).toMatchObject([{ id: first.id }]);
      expect(await lookup.byId(first.id, ['many'], TIMEOUT_MS)).toBeNull();
      const bounds = { tenants: undefined, among: [''], most: 20 };
      expect((await lookup.byReference(first.id.slice(-4), bounds, TIMEOUT_MS)).length).toBeGreaterThan(0);
    });
    const others = plans.filter((plan) => !/RECURSIVE|known/i.test(plan));
    expect(others.length).toBeGreaterThan(4);
    for (const plan of others) expect(plan).not.toMatch(SCAN);
  });

  it('lists tenants by one step in their index for each', async () => {
    const plans = await plansOf(() => lookup.tenants(TIMEOUT_MS));
    const step = { mariadb: /Using index for group-by/, postgres: /Limit.*Index Only Scan/s, sqlite: /SEARCH d/ }[kind];
    expect(plans.join('\n')).toMatch(step);
  });

  it('says how far it looked, goes on from there, and never says none too early', async () => {
    const search: DeliverySearch = { status: 'COMPLETED' }; // there is none
    let place: Place | undefined;
    let looked = 0;
    for (let requests = 1; ; requests++) {
      const found = await searches.list(search, place, { limit: 50, scan: 5_000 }, TIMEOUT_MS);
      expect(found.items).toEqual([]);
      expect(found.rows).toBeLessThanOrEqual(5_000);
      [place, looked] = [found.last ?? place, looked + found.rows];
      if (!found.isEnd) continue;
      expect(requests).toBeGreaterThan(2);
      expect(looked).toBe(rows.length);
      return;
    }
  });

  it.each<DeliverySearch>([{}, { tenants: ['many', 'few'] }, { state: 'dead', handler: 'even' }])(
    'leaves nothing out and repeats nothing while others write: %j',
    async (search) => {
      const expected = rows
        .filter(({ state }) => !search.state || state === search.state)
        .filter((_, n) => !search.handler || n % 2 === 0)
        .map(({ id }) => id);
      const seen: string[] = [];
      let place: Place | undefined;
      for (let page = 0; ; page++) {
        if (page % 4 === 0) await insert(inbox, [{ id: uuidv7(), state: 'completed', tenant: 'many' }]);
        const found = await searches.list(search, place, { limit: 200, scan: 20_000 }, TIMEOUT_MS);
        seen.push(...found.items.map(({ id }) => id));
        place = found.last ?? place;
        if (found.isEnd) break;
      }
      expect(new Set(seen).size).toBe(seen.length);
      const known = new Set(rows.map(({ id }) => id));
      expect(seen.filter((id) => known.has(id)).toSorted()).toEqual(expected.toSorted());
    },
    60_000,
  );

  it('of rejections walks the index of their states', async () => {
    const { connection, tables } = inbox;
    const many = Array.from({ length: COMPLETED }, (_, n) => {
      const id = uuidv7();
      return sql`(${join([id, id, n % 10 ? 'invalid' : 'conflict', '{}', '{}', '', n < FEW ? 'open' : 'discarded', timeOf(id), 5])})`;
    });
    for (let first = 0; first < many.length; first += 1_000) {
      const some = join(many.slice(first, first + 1_000));
      await connection.execute(
        sql`INSERT INTO ${tables.rejection} (id, fingerprint, reason, detail, raw_body, tenant, state, first_received_at, last_received_at) VALUES ${some}`,
      );
    }
    const rejections = new RejectionSearchQueries(connection, tables);
    const bounds = { ...BOUNDS, window: 500 };
    const plans = await plansOf(async () => {
      const open = await rejections.list({ state: 'open' }, undefined, bounds, TIMEOUT_MS);
      expect(open).toMatchObject({ isEnd: true, rows: FEW });
      const search = { state: 'discarded', reason: 'conflict' } as const;
      expect((await rejections.list(search, undefined, bounds, TIMEOUT_MS)).items).toHaveLength(50);
    });
    expect(plans.join('\n')).toContain('rejection_by_state');
    for (const plan of plans) expect(plan).not.toMatch(SCAN);
  });
});
