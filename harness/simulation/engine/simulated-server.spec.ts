import { beforeEach, describe, expect, it } from '@jest/globals';
import { Scheduler } from '../scheduler.js';
import type { Ending } from './engine.js';
import { SimulatedServer } from './simulated-server.js';
import type { SimulatedSession } from './simulated-session.js';
import { rewriteSkipLocked, SKIP_LOCKED } from './skip-locked.js';
import { openMemory } from './tables.js';

const scheduler = new Scheduler();
let server: SimulatedServer;
let one: SimulatedSession;
let other: SimulatedSession;

beforeEach(async () => {
  scheduler.reset(0, (error) => {
    throw error;
  });
  server = new SimulatedServer(await openMemory(), scheduler);
  [one, other] = [server.open(0), server.open(200)];
});

/** Ends of statements, in the order in which they came. */
function run(session: SimulatedSession, ...statements: string[]): (Ending | undefined)[] {
  return statements.map((text) => {
    let ended: Ending | undefined;
    session.execute(text, [], (ending) => {
      ended = ending;
    });
    return ended;
  });
}

const insert = (id: string) => `INSERT INTO effect (id, session) VALUES ('${id}', 's')`;
const ids = () => server.read('SELECT id FROM effect ORDER BY id').map(({ id }) => id);
const codeOf = (ending: Ending | undefined) => Object(ending && 'error' in ending ? ending.error : undefined).code;

describe('the simulated server', () => {
  it('shows nobody else what is not committed', () => {
    run(one, 'START TRANSACTION', insert('a'));
    expect(ids()).toEqual([]);
    expect(run(one, 'SELECT id FROM effect')).toEqual([
      { result: { rows: [{ id: 'a' }], rowCount: 1, command: 'SELECT' } },
    ]);
    run(one, 'COMMIT');
    expect(ids()).toEqual(['a']);
  });

  it('rolls back to a savepoint, and keeps what came before', () => {
    run(one, 'START TRANSACTION', insert('a'), 'SAVEPOINT s', insert('b'), 'ROLLBACK TO SAVEPOINT s', 'COMMIT');
    expect(ids()).toEqual(['a']);
  });

  it('refuses everything after an error, and answers the commit with a rollback', () => {
    const endings = run(one, 'START TRANSACTION', insert('a'), 'NONSENSE', insert('b'), 'COMMIT');
    expect(endings.map(codeOf)).toEqual([undefined, undefined, '42601', '25P02', undefined]);
    expect(endings.at(-1)).toEqual({ result: { rows: [], rowCount: 0, command: 'ROLLBACK' } });
    expect(ids()).toEqual([]);
  });

  it('makes a statement wait for the end of the transaction that has its row', () => {
    run(one, insert('a'), 'START TRANSACTION', `UPDATE effect SET part = 'x' WHERE id = 'a'`);
    const ends: Ending[] = [];
    other.execute(`UPDATE effect SET part = part || 'y' WHERE id = 'a'`, [], (ending) => ends.push(ending));
    expect(ends).toEqual([]);
    run(one, 'COMMIT');
    expect(ends).toHaveLength(1);
    expect(server.read('SELECT part FROM effect')).toEqual([{ part: 'xy' }]);
  });

  it('gives up a statement that waits for longer than its session allows', async () => {
    run(one, 'START TRANSACTION', insert('a'));
    const ends: Ending[] = [];
    other.execute(insert('a'), [], (ending) => ends.push(ending)); // the same key
    await scheduler.run(() => scheduler.now > 500);
    expect(ends.map(codeOf)).toEqual(['55P03']);
  });

  it('ends one of two that wait for each other', async () => {
    other = server.open(0);
    run(one, insert('a'), insert('b'), 'START TRANSACTION', `UPDATE effect SET part = 'x' WHERE id = 'a'`);
    run(other, 'START TRANSACTION', `UPDATE effect SET part = 'x' WHERE id = 'b'`);
    const ends: Ending[] = [];
    one.execute(`UPDATE effect SET part = 'x' WHERE id = 'b'`, [], (ending) => ends.push(ending));
    other.execute(`UPDATE effect SET part = 'x' WHERE id = 'a'`, [], (ending) => ends.push(ending));
    await scheduler.run(() => ends.length > 0);
    expect(ends.map(codeOf)).toEqual(['40P01']);
  });

  it('rolls back when a session ends', () => {
    run(one, 'START TRANSACTION', insert('a'));
    one.close();
    run(other, insert('a'));
    expect(ids()).toEqual(['a']);
  });

  it('skips rows that another transaction has locked, and counts only the others for a limit', () => {
    run(one, insert('a'), insert('b'), 'START TRANSACTION', `UPDATE effect SET part = 'x' WHERE id = 'a'`);
    const free = `SELECT e.id FROM effect e WHERE session = 's' ORDER BY id LIMIT 1 ${SKIP_LOCKED}`;
    run(other, `UPDATE effect SET part = 'y' WHERE id IN (${free})`);
    run(one, 'COMMIT');
    expect(server.read('SELECT id, part FROM effect ORDER BY id')).toEqual([
      { id: 'a', part: 'x' },
      { id: 'b', part: 'y' },
    ]);
  });

  it('puts the condition into the table that is selected from, not into that of a subquery', () => {
    const select = `SELECT id FROM "t" d WHERE NOT EXISTS (SELECT 1 FROM "u" r WHERE r.id = d.id) ${SKIP_LOCKED}`;
    const { text, table } = rewriteSkipLocked(`UPDATE "t" SET x = 1 WHERE id IN (${select})`, () => ['id']);
    expect(table).toBe('t');
    expect(text).toContain(`FROM (SELECT * FROM "t" WHERE is_free('t', "id")) d WHERE NOT EXISTS (SELECT 1 FROM "u"`);
  });
});
