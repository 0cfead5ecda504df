import { describe, expect, it } from '@jest/globals';
import { Backpressure } from '../../../src/bullmq/backpressure.js';
import { SeededRandom } from '../../../src/testing/seeded-random.js';

const SECOND = 1_000;
const MAX_DELAY = 300 * SECOND;

/**
 * A backlog before a queue that takes some jobs a second. Returns how many deliveries were polled in each second, and
 * all delays.
 */
function overload({ backlog, taken, seconds }: { backlog: number; taken: number; seconds: number }) {
  let now = 0;
  const random = new SeededRandom('backpressure');
  const backpressure = new Backpressure({ now: () => now }, MAX_DELAY, () => random.next());
  const dueAt = Array.from({ length: backlog }, () => 0);
  const polled: number[] = [];
  const delays: number[] = [];
  for (let second = 0; second < seconds; second++, now += SECOND) {
    let [enqueued, looked] = [0, 0];
    for (const [index, due] of dueAt.entries()) {
      if (due > now) continue;
      looked++;
      if (enqueued < taken) {
        enqueued++;
        backpressure.accepted(1); // another one takes its place
        dueAt[index] = now;
      } else {
        const delay = backpressure.refused(1);
        delays.push(delay);
        dueAt[index] = now + delay;
      }
    }
    polled.push(looked);
  }
  return { polled, delays };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the backpressure of a queue', () => {
  it.each([
    [1_000, 20],
    [5_000, 50],
    [5_000, 200],
  ])('has about twice as many of %d deliveries polled as the %d that the queue takes', (backlog, taken) => {
    const { polled } = overload({ backlog, taken, seconds: 1_200 });
    expect(mean(polled.slice(-600)) / taken).toBeGreaterThan(1.5);
    expect(mean(polled.slice(-600)) / taken).toBeLessThan(3);
  });

  it('postpones nothing for longer than its longest delay, and nothing at the same moment as the rest', () => {
    const { delays } = overload({ backlog: 5_000, taken: 0, seconds: 3_000 });
    const last = delays.slice(-5_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(MAX_DELAY);
    expect(Math.min(...last)).toBeLessThan(0.65 * MAX_DELAY);
    expect(Math.max(...last)).toBeGreaterThan(0.95 * MAX_DELAY);
    expect(new Set(last).size).toBeGreaterThan(4_000);
  });

  it('begins with about a second', () => {
    const { delays } = overload({ backlog: 100, taken: 1, seconds: 1 });
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(750);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_250);
  });
});
