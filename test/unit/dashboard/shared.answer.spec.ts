import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SharedAnswers } from '../../../src/dashboard/api/shared.answer.js';

describe('a shared answer', () => {
  let now: number;

  beforeEach(() => {
    now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Asks once in 100 ms, for 30 seconds. Returns how often the database was asked, if each time took so long. */
  async function timesAsked(maxAgeMs: number, tookMs: number): Promise<number> {
    const answers = new SharedAnswers<void>(maxAgeMs);
    let count = 0;
    for (; now < 30_000; now += 100)
      await answers.get('', async () => {
        count++;
        now += tookMs;
      });
    return count;
  }

  it.each([
    { tookMs: 0, asked: 15 },
    { tookMs: 20, asked: 15 },
    { tookMs: 60, asked: 5 },
    { tookMs: 5_000, asked: 2 },
  ])('is asked of the database $asked times in 30 s when it takes $tookMs ms', async ({ tookMs, asked }) => {
    expect(await timesAsked(2_000, tookMs)).toBe(asked);
  });

  it('is one for all who ask at the same time', async () => {
    const answers = new SharedAnswers<number>(1_000);
    const ask = jest.fn(async () => 1);
    await Promise.all([answers.get('a', ask), answers.get('a', ask), answers.get('b', ask)]);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it('is not kept when it has failed', async () => {
    const answers = new SharedAnswers<number>(1_000);
    await expect(answers.get('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await answers.get('a', async () => 1)).toBe(1);
  });
});
