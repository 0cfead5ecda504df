import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { join, sql } from '../../../src/database/sql.js';
import { ActionRepository, type ActionConditions } from '../../../src/inbox/action.repository.js';
import type { Place } from '../../../src/inbox/windowed.search.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { withoutPossibleKeys } from '../../support/database/plans.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';
import { turnsDuring } from '../../support/time/turns.js';

const MANY = 6_000;
const RARE = 3;
const TARGET = uuidv7();
const ALL: ActionConditions = { includeBulk: true };

/** The rare ones are the oldest: who looks through all rows for them finds them last. */
const rows = Array.from({ length: RARE + MANY }, (_, n) => ({
  id: uuidv7(),
  operator: n < RARE ? 'rare' : 'often',
  target: n % 3_000 === 0 ? TARGET : uuidv7(),
  bulkId: n < RARE ? null : TARGET,
}));
const newest = rows.map(({ id }) => id).toReversed();

describe.each(databases)('a search among many actions, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;
  let actions: ActionRepository;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.openWatched(database);
    const { connection, tables } = inbox;
    actions = new ActionRepository(connection, tables, { now: Date.now });
    for (let first = 0; first < rows.length; first += 1_000) {
      const some = rows.slice(first, first + 1_000).map(({ id, operator, target, bulkId }) => {
        return sql`(${join([id, Date.now(), operator, 'code', 'replay', target, '', bulkId])})`;
      });
      await connection.execute(
        sql`INSERT INTO ${tables.action} (id, acted_at, operator, source, action, target_id, tenant, bulk_id) VALUES ${join(some)}`,
      );
    }
  }, 60_000);

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  /** Goes on until the end. */
  async function searchAll(conditions: ActionConditions, scan = 1_000): Promise<{ ids: string[]; searches: number }> {
    const ids: string[] = [];
    let place: Place | undefined;
    for (let searches = 1; ; searches++) {
      const found = await actions.search(conditions, place, { limit: 1_000, scan });
      expect(found.rows).toBeLessThanOrEqual(scan);
      ids.push(...found.items.map(({ id }) => id));
      if (found.isEnd) return { ids, searches };
      place = found.last;
    }
  }

  it('finds all, newest first', async () => {
    expect((await searchAll(ALL)).ids).toEqual(newest);
  });

  it('says how far it looked for rare ones, and finds them further on', async () => {
    const rare = rows.slice(0, RARE).map(({ id }) => id);
    const { ids, searches } = await searchAll({ ...ALL, operator: 'rare' });
    expect(ids).toEqual(rare.toReversed());
    expect(searches).toBeGreaterThan(MANY / 1_000);
    expect((await searchAll({ includeBulk: false })).ids).toEqual(ids);
    expect((await searchAll({ ...ALL, operator: 'nobody' })).ids).toEqual([]);
    expect((await searchAll({ ...ALL, actedBetween: [0, 1] })).ids).toEqual([]);
  });

  it('lets others have their turn between its windows', async () => {
    const turns = await turnsDuring(() => searchAll({ ...ALL, operator: 'nobody' }, Infinity));
    expect(turns).toBeGreaterThanOrEqual(MANY / 500 - 1);
  });

  it('has a server end each of its queries after a time that it is given', async () => {
    const before = inbox.statements.length;
    await actions.search({ ...ALL, operator: 'often' }, undefined, { limit: 1, scan: 100 }, 5_000);
    const made = inbox.statements.slice(before);
    const limits = made.filter((text) => /statement_timeout|max_statement_time/.test(text));
    const reads = made.filter((text) => /SELECT[^]*cr3dentials_webhook_action/.test(text));
    expect(reads).toHaveLength(2);
    expect(limits).toHaveLength(kind === 'sqlite' ? 0 : reads.length);
  });

  it('walks the index of targets, or of ids, in windows', async () => {
    const before = inbox.statements.length;
    expect((await searchAll({ ...ALL, targetId: TARGET })).ids).toHaveLength(3);
    await searchAll({ ...ALL, operator: 'rare' });
    const explain = { sqlite: 'EXPLAIN QUERY PLAN', postgres: 'EXPLAIN', mariadb: 'EXPLAIN' }[kind];
    const made = inbox.statements.map((text, n) => [text, inbox.parameters[n] ?? []] as const).slice(before);
    const reads = made.filter(([text]) => /SELECT[^]*cr3dentials_webhook_action/.test(text));
    const plans: string[] = [];
    for (const [text, values] of reads)
      plans.push(withoutPossibleKeys(await inbox.dataSource.query(`${explain} ${text}`, [...values])));
    expect(plans[0]).toContain('action_by_target');
    for (const plan of plans) expect(plan).not.toMatch(/filesort|TEMP B-TREE|"type":"ALL"/);
  });
});
