import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { join, sql } from '../../../src/database/sql.js';
import { InboxQueries, type DeliveryFilter } from '../../../src/inbox/inbox.queries.js';
import { PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';

const COMPLETED = 12_000;
const FEW = 3;
/** How each database says that it reads a whole table. */
const SCAN = /Seq Scan|SCAN [a-z]\b(?! USING)|"type":"ALL"/;

interface Row {
  readonly state: string;
  readonly tenant: string;
  readonly reference: string | null;
}

/** The few are the oldest: who looks through all rows for them finds them last. */
const rows: readonly Row[] = [
  ...['pending', 'processing', 'dead', 'unhandled', 'discarded', 'erased'].flatMap((state) =>
    Array.from({ length: FEW }, () => ({ state, tenant: 'many', reference: null })),
  ),
  ...Array.from({ length: FEW }, () => ({ state: 'completed', tenant: 'few', reference: 'user-1' })),
  ...Array.from({ length: COMPLETED }, (_, n) => ({
    state: 'completed',
    tenant: 'many',
    reference: `user-${n + 2}`,
  })),
];

function timeIf(isTimed: boolean): number | null {
  return isTimed ? 5 : null;
}

async function fill({ connection, dataSource, tables }: StandaloneInbox): Promise<void> {
  for (let first = 0; first < rows.length; first += 1_000) {
    const some = rows.slice(first, first + 1_000).map((row) => ({ id: uuidv7(), ...row }));
    await connection.execute(
      sql`INSERT INTO ${tables.delivery} (id, idempotency_key, tenant, session_id, status, platform_id,
            external_reference_id, raw_body, fingerprint, received_at)
          VALUES ${join(some.map(({ id, tenant, reference }) => sql`(${join([id, id, tenant, id, 'ERROR', 1, reference, '{}', '', 0])})`))}`,
    );
    await connection.execute(
      sql`INSERT INTO ${tables.deliveryState} (delivery_id, state, next_attempt_at, lease_expires_at)
          VALUES ${join(some.map(({ id, state }) => sql`(${join([id, state, timeIf(state === 'pending'), timeIf(state === 'processing')])})`))}`,
    );
  }
  if (dataSource.options.type === 'better-sqlite3') return; // nobody runs ANALYZE there
  for (const table of ['delivery', 'delivery_state'])
    await dataSource.query(
      `${dataSource.options.type === 'mariadb' ? 'ANALYZE TABLE' : 'ANALYZE'} cr3dentials_webhook_${table}`,
    );
}

describe.each(databases)('a list of few among many deliveries, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;
  let queries: InboxQueries;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.openWatched(database);
    queries = new InboxQueries(inbox.connection, inbox.tables, { now: () => 1_000 }, new PlainTextCodec());
    await fill(inbox);
  }, 60_000);

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  async function list(filter: DeliveryFilter) {
    const { statements, parameters } = inbox;
    const before = statements.length;
    const found = await queries.list(filter);
    const made = statements.slice(before).filter((text) => /^\s*SELECT.*cr3dentials_webhook/s.test(text));
    const page = made.find((text) => text.includes('AS id FROM')) ?? '';
    const others = made.filter((text) => text !== page);
    return { found, page, values: parameters[statements.indexOf(page, before)] ?? [], others };
  }

  async function planOf(text: string, values: readonly unknown[] = []): Promise<string> {
    const explain = { sqlite: 'EXPLAIN QUERY PLAN', postgres: 'EXPLAIN', mariadb: 'EXPLAIN' }[kind];
    return JSON.stringify(await inbox.dataSource.query(`${explain} ${text}`, [...values]));
  }

  it.each<[count: number, index: string, filter: DeliveryFilter]>([
    [FEW, 'delivery_due', { state: 'pending' }],
    [FEW, 'delivery_expired', { state: 'processing' }],
    [FEW, 'delivery_due', { state: 'pending', before: 'g' }],
    [FEW, 'delivery_expired', { state: 'processing', before: 'g' }],
    [FEW, 'delivery_by_state', { state: 'dead' }],
    [FEW, 'delivery_by_tenant', { tenant: 'few', before: 'g' }],
    [FEW, 'delivery_by_state', { state: 'unhandled' }],
    [FEW, 'delivery_by_state', { state: 'discarded' }],
    [FEW, 'delivery_by_state', { state: 'erased' }],
    [FEW, 'delivery_by_tenant', { tenant: 'few' }],
    [FEW, 'delivery_by_tenant', { tenant: 'few', state: 'completed' }],
    [FEW, 'delivery_by_state', { tenant: 'many', state: 'dead' }],
    [FEW, 'delivery_due', { tenant: 'many', state: 'pending' }],
    [FEW, 'delivery_by_reference', { externalReferenceId: 'user-1' }],
    [FEW, 'delivery_by_reference', { externalReferenceId: 'user-1', state: 'completed' }],
    [0, 'delivery_by_reference', { externalReferenceId: 'user-1', tenant: 'many' }],
    [0, 'delivery_by_', { externalReferenceId: 'user-1', state: 'dead' }],
    [0, 'delivery_by_tenant', { tenant: 'none' }],
  ])('finds %i by %s: %j', async (count, index, filter) => {
    const { found, page, values } = await list(filter);
    expect(found).toHaveLength(count);
    const plan = await planOf(page, values);
    expect(plan).toContain(index);
    expect(plan).not.toMatch(SCAN);
  });

  it.each<DeliveryFilter>([{}, { state: 'completed' }, { tenant: 'many' }, { tenant: 'many', state: 'completed' }])(
    'sorts nothing for the newest: %j',
    async (filter) => {
      const { found, page, values } = await list({ ...filter, limit: 10 });
      expect(found).toHaveLength(10);
      expect(await planOf(page, values)).not.toMatch(/Sort|TEMP B-TREE|filesort|"type":"ALL"/);
    },
  );

  it('reads no body, and rows by their ids', async () => {
    const { found, page, others } = await list({ limit: 1_000 });
    expect(found.map(({ id }) => id)).toEqual(
      found
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
    expect([page, ...others].join('\n')).not.toContain('raw_body');
    expect(others).toHaveLength(1);
  });

  it('leaves out what has changed its state since its page was found', async () => {
    const [gone, ...others] = await queries.list({ state: 'dead' });
    const { connection, dataSource } = inbox;
    const execute = connection.execute.bind(connection);
    const set = (state: string) =>
      dataSource.query(
        `UPDATE cr3dentials_webhook_delivery_state SET state = '${state}' WHERE delivery_id = '${gone?.id}'`,
      );
    connection.execute = async (statement, lane) => {
      if (statement.render(() => '?').text.includes('idempotency_key')) await set('completed'); // after the page
      return execute(statement, lane);
    };
    const left = await queries.list({ state: 'dead' });
    connection.execute = execute;
    await set('dead');
    expect(left.map(({ id }) => id)).toEqual(others.map(({ id }) => id));
  });

  it('would see a scan', async () => {
    expect(await planOf(`SELECT id FROM cr3dentials_webhook_delivery d WHERE d.status = 'x'`)).toMatch(SCAN);
  });
});
