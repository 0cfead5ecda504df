import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { join, sql } from '../../../src/database/sql.js';
import type { DeliverySelection } from '../../../src/inbox/delivery.selection.js';
import { SelectionQueries } from '../../../src/inbox/selection.queries.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';

const COMPLETED = 12_000;
const DEAD = 7;
/** How each database says that it reads a whole table, or sorts what it has read. */
const SCAN = /Seq Scan|SCAN cr3d|SCAN [a-z]\b|"type":"(ALL|index)"/;

/** The dead are the oldest: who looks through all rows for them finds them last. */
async function fill(inbox: StandaloneInbox): Promise<void> {
  const rows = Array.from({ length: COMPLETED + DEAD }, (_, n) => ({
    id: uuidv7(),
    state: n < DEAD ? 'dead' : 'completed',
  }));
  for (let n = 0; n < rows.length; n += 2_000) {
    const some = rows.slice(n, n + 2_000);
    await inbox.connection.execute(
      sql`INSERT INTO ${inbox.tables.delivery}
            (id, idempotency_key, tenant, session_id, status, platform_id, raw_body, fingerprint, received_at)
          VALUES ${join(some.map(({ id }) => sql`(${join([id, id, '', id, 'ERROR', 1, '{}', '', 0])})`))}`,
    );
    await inbox.connection.execute(
      sql`INSERT INTO ${inbox.tables.deliveryState} (delivery_id, state, finished_at)
          VALUES ${join(some.map(({ id, state }) => sql`(${join([id, state, 0])})`))}`,
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
    const own = await StandaloneInbox.open(database);
    const { dialect } = own.connection;
    await own.close();
    inbox = await StandaloneInbox.openWithDialect(dialect, database);
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
    return JSON.stringify(await inbox.dataSource.query(`${explain} ${text}`, values));
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

  it('looks at a bounded number of rows at a time where there is no index', async () => {
    const { count, queries } = await select({ state: 'pending' });
    expect(count).toBe(0);
    expect(await planOf(queries[1])).not.toMatch(SCAN);
    expect(await planOf({ text: 'SELECT * FROM cr3dentials_webhook_delivery_state', values: [] })).toMatch(SCAN);
    expect(queries).toHaveLength(Math.ceil((COMPLETED + DEAD) / 500));
  });
});
