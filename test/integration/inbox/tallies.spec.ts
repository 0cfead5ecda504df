import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join, sql } from '../../../src/database/sql.js';
import { TallyRepository, type CountedRow } from '../../../src/inbox/tally.repository.js';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { withoutPossibleKeys } from '../../support/database/plans.js';
import { StandaloneInbox } from '../../support/database/standalone-inbox.js';
import { turnsDuring } from '../../support/time/turns.js';

const MINUTE = 60_000;
const MINUTES = 1_500;
const SUBJECTS = ['handler:book', 'inbox'];
const INSTANCES = ['a', 'b'];

const keyOf = ({ bucket, subject, instance }: CountedRow) => `${bucket} ${subject} ${instance}`;

const rows = Array.from({ length: MINUTES }, (_, n) => n * MINUTE).flatMap((bucket) =>
  SUBJECTS.flatMap((subject) =>
    INSTANCES.map((instance) => ({ width: 60, bucket, subject, instance, counts: `{"counts":{"x":${bucket}}}` })),
  ),
);

describe.each(databases)('the counts of many minutes, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;
  let tallies: TallyRepository;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.openWatched(database);
    const { connection, tables, dataSource } = inbox;
    tallies = new TallyRepository(connection, tables);
    const all = [...rows, ...rows.slice(0, 400).map((row) => ({ ...row, width: 3_600, bucket: row.bucket + MINUTE }))];
    for (let first = 0; first < all.length; first += 1_000)
      await connection.execute(
        sql`INSERT INTO ${tables.tally} (width, bucket, subject, instance, counts)
            VALUES ${join(all.slice(first, first + 1_000).map((row) => sql`(${join(Object.values(row))})`))}`,
      );
    if (kind !== 'sqlite')
      await dataSource.query(`${kind === 'mariadb' ? 'ANALYZE TABLE' : 'ANALYZE'} cr3dentials_webhook_tally`);
  }, 60_000);

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  async function read(range: { from: number; to: number; subject?: string }): Promise<CountedRow[][]> {
    const slices: CountedRow[][] = [];
    for await (const slice of tallies.slices(60, range)) slices.push(slice);
    return slices;
  }

  it('are read in slices: none is left out, and none comes twice', async () => {
    const range = { from: 3 * MINUTE, to: (MINUTES - 5) * MINUTE };
    const slices = await read(range);
    const most = kind === 'sqlite' ? 500 : 2_000;
    expect(slices.length).toBe(Math.ceil(slices.flat().length / most));
    expect(Math.max(...slices.map(({ length }) => length))).toBe(most);
    const expected = rows.filter(({ bucket }) => bucket >= range.from && bucket < range.to);
    expect(slices.flat().map(keyOf)).toEqual(expected.map(keyOf));
  });

  it('are those of one subject if it is asked for', async () => {
    const slices = await read({ from: 0, to: MINUTES * MINUTE, subject: 'inbox' });
    expect(slices.length).toBeGreaterThan(1);
    expect(slices.flat().map(keyOf)).toEqual(rows.filter(({ subject }) => subject === 'inbox').map(keyOf));
    expect(await read({ from: 0, to: MINUTES * MINUTE, subject: 'nobody' })).toEqual([[]]);
  });

  it('let others have their turn between the slices', async () => {
    let count = 0;
    const turns = await turnsDuring(async () => void (count = (await read({ from: 0, to: MINUTES * MINUTE })).length));
    expect(count).toBeGreaterThan(2);
    expect(turns).toBeGreaterThanOrEqual(count - 1);
  });

  it('and their begin are found by the primary key, and not sorted', async () => {
    const before = inbox.statements.length;
    await read({ from: 0, to: 10 * MINUTE, subject: 'inbox' });
    expect(await tallies.since()).toBe(0);
    const [slice, since] = inbox.statements
      .map((text, n) => ({ text, values: inbox.parameters[n] ?? [] }))
      .slice(before)
      .filter(({ text }) => text.includes('cr3dentials_webhook_tally'));
    const explain = { sqlite: 'EXPLAIN QUERY PLAN', postgres: 'EXPLAIN', mariadb: 'EXPLAIN' }[kind];
    const planOf = async ({ text, values } = { text: '', values: [] as unknown[] }) =>
      withoutPossibleKeys(await inbox.dataSource.query(`${explain} ${text}`, values));
    const walks = /Seq Scan|SCAN cr3d|"type":"(ALL|index)"|filesort|TEMP B-TREE|Sort/;
    expect(await planOf(slice)).not.toMatch(walks);
    const begin = await planOf(since);
    expect(begin).not.toMatch(walks);
    const found = { sqlite: /SEARCH/g, postgres: /Limit/g, mariadb: /optimized away/g }[kind];
    expect(begin.match(found)).toHaveLength(2);
  });
});
