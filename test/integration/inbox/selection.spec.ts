import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { join, raw, sql } from '../../../src/database/sql.js';
import type { DeliverySelection } from '../../../src/inbox/selection.checks.js';
import { SelectionQueries } from '../../../src/inbox/selection.queries.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';
import { turnsDuring } from '../../support/time/turns.js';
import { withoutPossibleKeys } from '../../support/database/plans.js';

const COMPLETED = 12_000;
const DEAD = 7;
const PENDING = 3;
/** How each database says that it reads a whole table, or sorts what it has read. */
const SCAN = /Seq Scan|SCAN cr3d|SCAN [a-z]\b|"type":"(ALL|index)"/;

function stateOf(n: number): string {
  if (n < DEAD) return 'dead';
  return n < DEAD + PENDING ? 'pending' : 'completed';
}

/** The dead and the pending are the oldest: who looks through all rows finds them last. */
async function fill(inbox: StandaloneInbox): Promise<void> {
  const rows = Array.from({ length: DEAD + PENDING + COMPLETED }, (_, n) => ({
    id: uuidv7(),
    state: stateOf(n),
  }));
  for (let n = 0; n < rows.length; n += 2_000) {
    const some = rows.slice(n, n + 2_000);
    await inbox.connection.execute(
      sql`INSERT INTO ${inbox.tables.delivery}
            (id, idempotency_key, tenant, session_id, status, platform_id, raw_body, fingerprint, received_at)
          VALUES ${join(some.map(({ id }) => sql`(${join([id, id, '', id, 'ERROR', 1, '{}', '', 0])})`))}`,
    );
    await inbox.connection.execute(
      sql`INSERT INTO ${inbox.tables.deliveryState} (delivery_id, state, next_attempt_at, finished_at)
          VALUES ${join(some.map(({ id, state }) => sql`(${join(state === 'pending' ? [id, state, 5, null] : [id, state, null, 0])})`))}`,
    );
    await inbox.connection.execute(
      sql`INSERT INTO ${inbox.tables.handlerRun} (delivery_id, handler, state, last_error, updated_at)
          VALUES ${join(some.map(({ id }) => sql`(${join([id, 'book', 'dead', 'Error: No paper.', 0])})`))}`,
    );
  }
  for (const table of ['delivery', 'delivery_state', 'handler_run'])
    await inbox.dataSource.query(
      `${inbox.dataSource.options.type === 'mariadb' ? 'ANALYZE TABLE' : 'ANALYZE'} cr3dentials_webhook_${table}`,
    );
}

describe.each(databases)('a selection of few among many deliveries, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.openWatched(database);
    await fill(inbox);
  }, 60_000);

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  /** Goes through a selection. Returns the number of deliveries, and the queries that found them. */
  async function select(selection: DeliverySelection) {
    const { connection, tables, statements, parameters } = inbox;
    const before = statements.length;
    let count = 0;
    const queries = new SelectionQueries(connection, tables, { now: () => 1_000 });
    for await (const page of queries.pages(selection)) count += page.length;
    const made = statements.slice(before).map((text, n) => ({ text, values: parameters[before + n] ?? [] }));
    return { count, queries: made.filter(({ text }) => /^\s*SELECT.*cr3dentials_webhook/s.test(text)) };
  }

  async function planOf({ text, values } = { text: '', values: [] as unknown[] }): Promise<string> {
    const explain = { sqlite: 'EXPLAIN QUERY PLAN', postgres: 'EXPLAIN', mariadb: 'EXPLAIN' }[kind];
    return withoutPossibleKeys(await inbox.dataSource.query(`${explain} ${text}`, values));
  }

  it('finds the dead by their index, in two queries, and reads no body', async () => {
    const { count, queries } = await select({ state: 'dead', status: 'ERROR', handler: 'book', error: 'PAPER' });
    expect(count).toBe(DEAD);
    expect(queries).toHaveLength(2);
    const [window, selected] = await Promise.all(queries.map((query) => planOf(query)));
    expect(window).toContain('cr3dentials_webhook_delivery_by_state');
    expect(window).not.toMatch(SCAN);
    expect(selected).not.toMatch(SCAN);
    expect(queries.map(({ text }) => text).join('\n')).not.toContain('raw_body');
  });

  it('finds those that wait by their index, and not among all others', async () => {
    const { count, queries } = await select({ state: 'pending' });
    expect(count).toBe(PENDING);
    expect(queries).toHaveLength(3); // it counts them before
    const [counted, window] = await Promise.all(queries.map((query) => planOf(query)));
    expect(counted).toContain('cr3dentials_webhook_delivery_due');
    expect(window).toContain('cr3dentials_webhook_delivery_due');
  });

  it('goes on from them, the oldest first', async () => {
    const { connection, tables, statements } = inbox;
    const before = statements.length;
    const queries = new SelectionQueries(connection, tables, { now: () => 1_000 });
    const { records, isEnd } = await queries.after({ state: 'pending' }, '', { asOf: 1_000, limit: 500 });
    const ids = records.map(({ id }) => id);
    expect(ids).toHaveLength(PENDING);
    expect(ids).toEqual(ids.toSorted());
    expect(isEnd).toBe(true);
    expect(statements.slice(before).filter((text) => text.includes('cr3dentials_webhook'))).toHaveLength(3);
  });

  it('reads their ids once for some steps of a walk, and then anew', async () => {
    const { connection, tables, statements } = inbox;
    const clock = { at: 1_000, now: () => clock.at };
    const queries = new SelectionQueries(connection, tables, clock);
    const before = statements.length;
    const reads = () => statements.slice(before).filter((text) => text.includes('AS due')).length;
    const walk = {};
    const ids: string[] = [];
    for (let [cursor, isOver] = ['', false]; !isOver;) {
      const step = await queries.after({ state: 'pending' }, cursor, { asOf: 1_000, limit: 1, walk });
      ids.push(...step.records.map(({ id }) => id));
      [cursor, isOver] = [step.cursor, step.isEnd];
    }
    expect(new Set(ids).size).toBe(PENDING);
    expect(ids).toEqual(ids.toSorted());
    expect(reads()).toBe(1);
    clock.at += 11_000;
    const again = await queries.after({ state: 'pending' }, '', { asOf: 1_000, limit: 500, walk });
    expect(again.records.map(({ id }) => id)).toEqual(ids);
    expect(reads()).toBe(2);
  });

  it('looks at a bounded number of rows at a time where there is no index', async () => {
    const { count, queries } = await select({ state: 'completed', status: 'TERMINATED' });
    expect(count).toBe(0);
    expect(await planOf(queries[2])).not.toMatch(SCAN);
    expect(await planOf({ text: 'SELECT * FROM cr3dentials_webhook_delivery_state', values: [] })).toMatch(SCAN);
    expect(queries.length).toBeGreaterThan(2 * Math.floor(COMPLETED / (kind === 'sqlite' ? 100 : 500)));
  });

  it('lets others have their turn between its windows', async () => {
    const before = inbox.statements.length;
    const turns = await turnsDuring(() => select({ state: 'completed', status: 'TERMINATED' }));
    expect(turns).toBeGreaterThanOrEqual((inbox.statements.length - before) / 2 - 1);
  });

  it('counts one once that is postponed while they are read', async () => {
    const { connection, tables } = inbox;
    const others = 699; // two entries for one delivery would be in two windows
    const late = 1_000_000;
    await connection.execute(
      sql`UPDATE ${tables.deliveryState} SET state = 'pending', next_attempt_at = 9, finished_at = NULL
          WHERE delivery_id IN (SELECT id FROM (SELECT id FROM ${tables.delivery} ORDER BY id DESC LIMIT ${raw(String(others))}) newest)`,
    );
    const postpone = sql`UPDATE ${tables.deliveryState} SET next_attempt_at = ${late} WHERE next_attempt_at = 5`;
    const execute = connection.execute.bind(connection);
    const reads: string[] = [];
    connection.execute = async (statement, lane) => {
      const result = await execute(statement, lane);
      const text = statement.strings.join('?');
      if (text.includes('AS due') && reads.push(text) === 1) await execute(postpone);
      return result;
    };
    expect((await select({ state: 'pending' })).count).toBe(others + PENDING);
    connection.execute = execute;
    expect(reads).toHaveLength(kind === 'sqlite' ? 2 : 1);
  });
});
