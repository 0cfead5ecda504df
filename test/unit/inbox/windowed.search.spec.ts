import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { searchInWindows, type Place } from '../../../src/inbox/windowed.search.js';

const ROWS = 10_000;
const BOUNDS = { limit: 50, scan: ROWS };

describe('a search in windows', () => {
  let now = 0;
  beforeEach(() => void jest.spyOn(performance, 'now').mockImplementation(() => now));
  afterEach(() => void jest.restoreAllMocks());

  /** Searches for what is not there, each row of which takes so long. Returns the sizes of the windows. */
  async function windows(isServer: boolean, rowMs: (window: number) => number): Promise<number[]> {
    now = 0;
    const sizes: number[] = [];
    const walk = {
      isFiltered: true,
      places: (_: Place | undefined, count: number) => {
        sizes.push(count);
        now += count * rowMs(sizes.length);
        return Promise.resolve(Array.from({ length: count }, (__, n) => ({ id: `${sizes.length}-${n}` })));
      },
      matching: () => Promise.resolve([]),
    };
    await searchInWindows({ isServer }, walk, undefined, BOUNDS);
    return sizes;
  }

  it.each([
    [true, [500, 250, 125, 125]],
    [false, [250, 125, 63, 63, 63, 63, 63]],
  ])('looks at fewer rows at once while they are slow to read: on a server %s', async (isServer, sizes) => {
    expect((await windows(isServer, () => 0.2)).slice(0, sizes.length)).toEqual(sizes);
  });

  it('looks at as many as before once they are fast again', async () => {
    const sizes = await windows(true, (window) => (window <= 2 ? 0.2 : 0.001));
    expect(sizes.slice(0, 5)).toEqual([500, 250, 125, 250, 500]);
  });

  it('ends soon after its time, however slow rows are', async () => {
    await windows(true, () => 0.2);
    expect(now).toBeLessThan(240);
  });
});
