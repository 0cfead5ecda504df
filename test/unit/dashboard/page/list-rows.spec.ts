import { describe, expect, it } from '@jest/globals';
import { append, merge, start } from '../../../../src/dashboard/page/parts/list-rows.js';

interface Row {
  readonly id: string;
  readonly state?: string;
}

function page(items: readonly Row[], next: string | null = null) {
  return { now: 0, items: [...items], next, searched: { rows: items.length, backTo: 0, isEnd: next === null } };
}

const rows = (...ids: string[]): Row[] => ids.map((id) => ({ id }));
const shown = (...ids: string[]) => start('deliveries', page(rows(...ids)));

describe('merge', () => {
  it('puts what is read into the rows that are there, in their places', () => {
    const { rows: after, newer } = merge(shown('c', 'b', 'a'), page([{ id: 'c', state: 'dead' }, ...rows('b', 'a')]));
    expect(after).toEqual([{ id: 'c', state: 'dead' }, { id: 'b' }, { id: 'a' }]);
    expect(newer).toBe(0);
  });

  it('counts what is new before a row that is there, and leaves it out', () => {
    const merged = merge(shown('b', 'a'), page(rows('d', 'c', 'b', 'a')));
    expect(merged.newer).toBe(2);
    expect(merged.rows).toEqual(rows('b', 'a'));
  });

  it('counts all as new when nothing that is there is left on the page', () => {
    expect(merge(shown('b', 'a'), page(rows('z', 'y'))).newer).toBe(2);
  });

  it('does not call newer what has moved up from the next page', () => {
    expect(merge(shown('c', 'b'), page(rows('c', 'a'))).newer).toBe(0);
  });

  it('fades a row that is gone from between others, and leaves it where it is', () => {
    const merged = merge(shown('c', 'b', 'a'), page(rows('c', 'a')));
    expect([...merged.faded]).toEqual(['b']);
    expect(merged.rows).toEqual(rows('c', 'b', 'a'));
  });

  it('does not fade what was only pushed off the page', () => {
    expect(merge(shown('c', 'b', 'a'), page(rows('d', 'c', 'b'))).faded.size).toBe(0);
  });

  it('fills a list that was empty', () => {
    expect(merge(shown(), page(rows('a'))).rows).toEqual(rows('a'));
  });
});

describe('append', () => {
  it('puts the next page behind, without what is there already, and adds up how much was looked at', () => {
    const { rows: after, searched, next } = append(shown('c', 'b'), page(rows('b', 'a'), 'further'));
    expect(after).toEqual(rows('c', 'b', 'a'));
    expect(searched?.rows).toBe(4);
    expect(next).toBe('further');
  });
});
