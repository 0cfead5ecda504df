import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { join, sql } from '../../../src/database/sql.js';
import { InboxQueries } from '../../../src/inbox/inbox.queries.js';
import { PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';

const COMPLETED = 12_000;
const OTHERS = { pending: 3, processing: 4, dead: 5, unhandled: 6, discarded: 7, erased: 8 } as const;

/** States of deliveries whose facts nobody asks for. */
async function fill(inbox: StandaloneInbox): Promise<void> {
  const states = Object.entries(OTHERS).flatMap(([state, count]) => Array.from({ length: count }, () => state));
  const rows = [...states, ...Array.from({ length: COMPLETED }, () => 'completed')].map((state, n) => {
    const [due, expires] = [state === 'pending' ? n : null, state === 'processing' ? n : null];
    return sql`(${join([uuidv7(), state, due, expires])})`;
  });
  for (let n = 0; n < rows.length; n += 2_000)
    await inbox.connection.execute(
      sql`INSERT INTO ${inbox.tables.deliveryState} (delivery_id, state, next_attempt_at, lease_expires_at)
          VALUES ${join(rows.slice(n, n + 2_000))}`,
    );
  await inbox.dataSource.query(
    inbox.dataSource.options.type === 'mariadb'
      ? 'ANALYZE TABLE cr3dentials_webhook_delivery_state'
      : 'ANALYZE cr3dentials_webhook_delivery_state',
  );
}

describe.each(databases)('an inbox with more completed deliveries than it counts, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;
  let queries: InboxQueries;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.open(database);
    queries = new InboxQueries(inbox.connection, inbox.tables, { now: () => 1_000 }, new PlainTextCodec());
    await fill(inbox);
  });

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  it('counts the others one by one, and takes the completed from the statistics', async () => {
    const { completed, ...others } = await queries.stats();
    expect(others).toEqual({ ...OTHERS, openRejections: 0, oldestDue: 1_000 });
    expect(completed).toBeGreaterThan(COMPLETED * 0.8);
    expect(completed).toBeLessThan(COMPLETED * 1.2);
  });

  it.each([
    ['next_attempt_at IS NOT NULL', 'delivery_due'],
    ['lease_expires_at IS NOT NULL', 'delivery_expired'],
    [`state IN ('dead', 'unhandled', 'discarded', 'erased')`, 'delivery_by_state'],
    [`state = 'dead' AND state IN ('dead', 'unhandled', 'discarded', 'erased')`, 'delivery_by_state'],
    ['next_attempt_at <= 5 ORDER BY next_attempt_at', 'delivery_due'],
    ['lease_expires_at < 5 ORDER BY lease_expires_at', 'delivery_expired'],
  ])('finds what is open by an index: %s', async (condition, index) => {
    const explain = { sqlite: 'EXPLAIN QUERY PLAN', postgres: 'EXPLAIN', mariadb: 'EXPLAIN' }[kind];
    const plan: unknown[] = await inbox.dataSource.query(
      `${explain} SELECT delivery_id FROM cr3dentials_webhook_delivery_state WHERE ${condition} LIMIT 50`,
    );
    expect(JSON.stringify(plan)).toContain(`cr3dentials_webhook_${index}`);
  });
});
