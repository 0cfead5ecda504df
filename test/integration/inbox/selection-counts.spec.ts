import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { join, sql } from '../../../src/database/sql.js';
import { FailureQueries } from '../../../src/inbox/failure.queries.js';
import { PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import { SelectionCountQueries, type SelectedGroup } from '../../../src/inbox/selection-counts.queries.js';
import type { DeliverySelection } from '../../../src/inbox/selection.checks.js';
import { SelectionQueries } from '../../../src/inbox/selection.queries.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { withoutPossibleKeys } from '../../support/database/plans.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';
import { turnsDuring } from '../../support/time/turns.js';

const DELIVERIES = 1_200;
const COMPLETED = 12_000;
const NOW = 1_000_000;
const HOUR = 3_600_000;
/** Ids begin with the time at which they are made, and so with about that of the receipt. */
const RECEIVED = Date.now();
/** How each database says that it reads a whole table of ours. */
const SCAN =
  /Seq Scan on|SCAN (?:[dsro]|cr3dentials_\w+)(?=\\?")|"table":"(?:[dsro]|cr3dentials_\w+)"[^}]*"type":"ALL"/;

/** Of six, one has no run, one a completed one, and the others one or two that have not completed. */
const RUNS: readonly (readonly [handler: string, state: string][])[] = [
  [],
  [['book', 'completed']],
  [['book', 'dead']],
  [
    ['book', 'completed'],
    ['send', 'dead'],
  ],
  [
    ['book', 'dead'],
    ['send', 'dead'],
  ],
  [
    ['book', 'pending'],
    ['send', 'dead'],
  ],
];

interface Row {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly receivedAt: number;
  readonly finishedAt: number;
  readonly runs: readonly (readonly [handler: string, state: string])[];
}

/** Most died in time, the last of them after the preview; every seventh is completed. */
const rows: Row[] = Array.from({ length: DELIVERIES + COMPLETED }, (_, n) => {
  const isDead = n < DELIVERIES && n % 7 !== 3;
  return {
    id: uuidv7(),
    state: isDead ? 'dead' : 'completed',
    reason: isDead ? (n % 4 === 0 ? 'crash-loop' : 'handler') : null,
    receivedAt: RECEIVED + ((n * 7) % 5_000),
    finishedAt: n < DELIVERIES - 10 ? NOW - 10 : NOW + 10,
    runs: isDead ? (RUNS[n % RUNS.length] ?? []) : [],
  };
});
const dead = rows.filter(({ state, finishedAt }) => state === 'dead' && finishedAt <= NOW);
const errorOf = (id: string, handler: string) => `Error: ${handler} of ${id}`;

async function fill({ connection, dataSource, tables }: StandaloneInbox): Promise<void> {
  for (let first = 0; first < rows.length; first += 1_000) {
    const some = rows.slice(first, first + 1_000);
    await connection.execute(
      sql`INSERT INTO ${tables.delivery}
            (id, idempotency_key, tenant, session_id, status, platform_id, raw_body, fingerprint, received_at)
          VALUES ${join(some.map(({ id, receivedAt }) => sql`(${join([id, id, '', id, 'ERROR', 1, '{}', '', receivedAt])})`))}`,
    );
    await connection.execute(
      sql`INSERT INTO ${tables.deliveryState} (delivery_id, state, reason, finished_at)
          VALUES ${join(some.map(({ id, state, reason, finishedAt }) => sql`(${join([id, state, reason, finishedAt])})`))}`,
    );
    const runs = some.flatMap(({ id, runs: all }) =>
      all.map(([handler, state]) => sql`(${join([id, handler, state, 1, errorOf(id, handler), 5])})`),
    );
    if (runs.length > 0)
      await connection.execute(
        sql`INSERT INTO ${tables.handlerRun} (delivery_id, handler, state, attempts, last_error, updated_at) VALUES ${join(runs)}`,
      );
  }
  if (dataSource.options.type === 'better-sqlite3') return; // nobody runs ANALYZE there
  for (const table of ['delivery', 'delivery_state', 'handler_run'])
    await dataSource.query(
      `${dataSource.options.type === 'mariadb' ? 'ANALYZE TABLE' : 'ANALYZE'} cr3dentials_webhook_${table}`,
    );
}

/** Numbers by handler and reason, as the rows have them. */
function expectedGroups(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { reason, runs } of dead) {
    const open = runs.filter(([, state]) => state !== 'completed').map(([handler]) => handler);
    for (const handler of open.length > 0 ? open : [null]) {
      const key = JSON.stringify([handler, reason]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

function isSent({ runs }: Row): boolean {
  return runs.some(([handler, state]) => handler === 'send' && state !== 'completed');
}

describe.each(databases)('the counts of what is selected, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;
  let selections: SelectionQueries;
  let failures: FailureQueries;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.openWatched(database);
    const { connection, tables } = inbox;
    const clock = { now: () => NOW };
    selections = new SelectionQueries(connection, tables, clock);
    failures = new FailureQueries(connection, tables, selections, new PlainTextCodec(), clock);
    await fill(inbox);
  }, 90_000);

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  async function groupsOf(selection: DeliverySelection): Promise<SelectedGroup[]> {
    const all: SelectedGroup[] = [];
    const counts = new SelectionCountQueries(inbox.connection, inbox.tables, selections);
    for await (const { groups } of counts.windows(selection, NOW)) all.push(...groups);
    return all;
  }

  /** What some work asks of the database, and how each is answered. */
  async function asked(work: () => Promise<unknown>): Promise<{ text: string; plan: string }[]> {
    const before = inbox.statements.length;
    await work();
    const made = inbox.statements.map((text, n) => ({ text, values: inbox.parameters[n] ?? [] })).slice(before);
    const explain = { sqlite: 'EXPLAIN QUERY PLAN', postgres: 'EXPLAIN', mariadb: 'EXPLAIN' }[kind];
    const reads = made.filter(({ text }) => /SELECT[^]*cr3dentials_webhook/.test(text));
    const answered: { text: string; plan: string }[] = [];
    for (const { text, values } of reads)
      answered.push({ text, plan: withoutPossibleKeys(await planOf(`${explain} ${text}`, values)) });
    return answered;
  }

  /** PostgreSQL reads tables as small as these as a whole, unless it may only where no index serves. */
  function planOf(text: string, values: readonly unknown[]): Promise<unknown> {
    return inbox.dataSource.transaction(async (manager) => {
      if (kind === 'postgres') await manager.query('SET LOCAL enable_seqscan = off');
      return manager.query<unknown>(text, [...values]);
    });
  }

  it('are those of its rows, each delivery counted once', async () => {
    const groups = await groupsOf({ state: 'dead' });
    const counts = new Map<string, number>();
    for (const { handler, reason, count } of groups) {
      const key = JSON.stringify([handler, reason]);
      counts.set(key, (counts.get(key) ?? 0) + count);
    }
    expect(counts).toEqual(expectedGroups());
    expect(groups.reduce((sum, { own }) => sum + own, 0)).toBe(dead.length);
  });

  it('are of the other conditions too', async () => {
    const period = [RECEIVED + 2_000, RECEIVED + 3_000] as const;
    const groups = await groupsOf({ state: 'dead', handler: 'send', receivedBetween: period });
    const sent = dead.filter((row) => isSent(row) && row.receivedAt >= period[0] && row.receivedAt < period[1]);
    expect(sent).not.toEqual([]);
    expect(groups.reduce((sum, { own }) => sum + own, 0)).toBe(sent.length);
    // Deliveries that are surely within a period are not looked at one by one.
    const long = [RECEIVED - 5 * HOUR, RECEIVED + 5 * HOUR] as const;
    const made = await asked(async () => {
      const within = await groupsOf({ state: 'dead', receivedBetween: long });
      expect(within.reduce((sum, { own }) => sum + own, 0)).toBe(dead.length);
    });
    for (const { text } of made) expect(text).not.toContain('received_at');
    const all = await groupsOf({ state: 'dead', handler: 'send' });
    expect(all.reduce((sum, { own }) => sum + own, 0)).toBe(dead.filter(isSent).length);
  });

  it('take two queries for each window, and read no table as a whole', async () => {
    const made = await asked(() => groupsOf({ state: 'dead' }));
    const windows = Math.floor(rows.filter(({ state }) => state === 'dead').length / (kind === 'sqlite' ? 100 : 500));
    expect(made).toHaveLength(2 * (windows + 1));
    for (const { plan, text } of made) {
      expect(plan).not.toMatch(SCAN);
      expect(text).not.toMatch(/webhook_delivery["` ]/); // the facts are wide rows
    }
  });

  it('let others have their turn between the windows', async () => {
    let statements = 0;
    const turns = await turnsDuring(
      async () => void (statements = (await asked(() => groupsOf({ state: 'dead' }))).length),
    );
    expect(turns).toBeGreaterThanOrEqual(statements / 2 - 1);
  });

  it('of failures take one query for a window, which reads no facts unless it has to', async () => {
    const some = dead.slice(0, 100).toReversed();
    const ids = some.map(({ id }) => id);
    const made = await asked(async () => {
      const found = await failures.among(ids, { state: 'dead' });
      expect(found.map(({ id }) => id)).toEqual(ids);
      for (const [n, { id, reason, runs }] of found.entries()) {
        const dying = (some[n]?.runs ?? []).filter(([, state]) => state === 'dead').map(([handler]) => handler);
        expect(runs.map(({ handler }) => handler).toSorted()).toEqual(dying);
        expect(reason).toBe(some[n]?.reason);
        for (const { handler, error } of runs) expect(error).toBe(errorOf(id, handler));
      }
      const sent = await failures.among(ids, { state: 'dead', handler: 'send', tenant: '' });
      expect(sent.length).toBeGreaterThan(0);
      for (const { runs } of sent) expect(runs).toMatchObject([{ handler: 'send' }]);
    });
    expect(made).toHaveLength(2);
    expect(made[0]?.text).not.toMatch(/webhook_delivery["` ]/);
    for (const { plan } of made) expect(plan).not.toMatch(SCAN);
  });

  it('of dead runs are by handler', async () => {
    const some = dead.slice(0, 300);
    const counts = await failures.countDead(some.map(({ id }) => id));
    const runs = some.flatMap((row) => row.runs).filter(([, state]) => state === 'dead');
    const expected = ['book', 'send'].map((name) => ({
      handler: name,
      count: runs.filter(([handler]) => handler === name).length,
    }));
    expect(counts.toSorted((a, b) => (a.handler < b.handler ? -1 : 1))).toEqual(expected);
  });
});
