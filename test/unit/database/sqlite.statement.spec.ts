import { describe, expect, it } from '@jest/globals';
import { CachingHandle, MAX_STATEMENTS, type SqliteHandle } from '../../../src/database/sqlite.statement.js';

function handle() {
  const prepared: string[] = [];
  const raw = {
    inTransaction: false,
    exec: () => undefined,
    prepare(text: string) {
      prepared.push(text);
      return { reader: true, all: () => [], run: () => ({ changes: 0, lastInsertRowid: 0 }) };
    },
  } satisfies SqliteHandle;
  return { prepared, caching: new CachingHandle(raw) };
}

describe('the statements of a SQLite file', () => {
  it('are prepared once, and kept', () => {
    const { prepared, caching } = handle();
    const one = caching.prepare('SELECT 1');
    caching.prepare('SELECT 2');
    expect(caching.prepare('SELECT 1')).toBe(one);
    expect(prepared).toEqual(['SELECT 1', 'SELECT 2']);
  });

  it('are not kept without a bound: the oldest gives way', () => {
    const { prepared, caching } = handle();
    for (let n = 0; n <= MAX_STATEMENTS; n++) caching.prepare(`SELECT ${n}`);
    caching.prepare('SELECT 1');
    expect(prepared).toHaveLength(MAX_STATEMENTS + 1);
    caching.prepare('SELECT 0');
    expect(prepared).toHaveLength(MAX_STATEMENTS + 2);
  });
});
