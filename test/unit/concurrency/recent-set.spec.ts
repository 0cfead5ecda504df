import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecentSet } from '../../../src/concurrency/recent-set.js';

describe('a set of recent members', () => {
  it('forgets them after a time', async () => {
    const set = new RecentSet(30);
    set.add('a');
    expect(set.has('a')).toBe(true);
    expect(set.has('b')).toBe(false);
    await sleep(40);
    expect(set.has('a')).toBe(false);
  });

  it('drops the oldest of very many', () => {
    const set = new RecentSet(60_000);
    for (let n = 0; n <= 10_000; n++) set.add(String(n));
    expect(set.has('0')).toBe(false);
    expect(set.has('1')).toBe(true);
    expect(set.has('10000')).toBe(true);
  });
});
