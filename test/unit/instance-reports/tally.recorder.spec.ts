import { describe, expect, it } from '@jest/globals';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { WorkerIdentity } from '../../../src/processing/worker.identity.js';
import { TallyRecorder } from '../../../src/instance-reports/tally.recorder.js';
import type { Tally } from '../../../src/instance-reports/tally.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const BEGIN = 500_000 * HOUR;

function counting() {
  const clock = { at: BEGIN, now: () => clock.at };
  const signals = new Instrumentation();
  const counter = new TallyRecorder(clock, new WorkerIdentity());
  counter.subscribeTo(signals);
  const received = (verdict: 'accepted' | 'conflict' = 'accepted') =>
    signals.announce('received', { verdict, deliveryId: undefined, duration: 1, error: undefined });
  const rows = () =>
    counter
      .pending()
      .map(({ width, bucket, subject, counts }) => [
        width,
        (bucket - BEGIN) / MINUTE,
        subject,
        (JSON.parse(counts) as Tally).counts,
      ]);
  return { clock, signals, counter, received, rows };
}

describe('the counts of an instance', () => {
  it('are of the minute and of its hour', () => {
    const { clock, received, rows } = counting();
    received();
    clock.at += MINUTE;
    received();
    received('conflict');
    expect(rows()).toEqual([
      [60, 0, 'inbox', { accepted: 1 }],
      [60, 1, 'inbox', { accepted: 1, conflict: 1 }],
      [3_600, 0, 'inbox', { accepted: 2, conflict: 1 }],
    ]);
  });

  it('are written again while they grow, and kept until they are written', () => {
    const { clock, counter, received, rows } = counting();
    received();
    counter.written(counter.pending());
    received();
    clock.at += MINUTE;
    const before = counter.pending();
    received(); // while they are being written
    counter.written(before);
    expect(rows()).toEqual([
      [60, 1, 'inbox', { accepted: 1 }],
      [3_600, 0, 'inbox', { accepted: 3 }],
    ]);
  });

  it('are not written again while they are the same', () => {
    const { clock, signals, counter, received, rows } = counting();
    const completed = (handler: string) =>
      signals.announce('attempt-ended', {
        deliveryId: 'd',
        handler,
        attempt: 1,
        maxAttempts: 3,
        outcome: 'completed',
        nextIn: undefined,
        error: undefined,
        took: 3,
      });
    received();
    completed('book');
    counter.written(counter.pending());
    expect(rows()).toEqual([]);
    completed('note');
    expect(rows()).toEqual([
      [60, 0, 'handler:note', { completed: 1 }],
      [3_600, 0, 'handler:note', { completed: 1 }],
    ]);
    counter.written(counter.pending());
    clock.at += HOUR; // the minute has ended, and nothing of it is left to write
    counter.written(counter.pending());
    received();
    expect(rows()).toEqual([
      [60, 60, 'inbox', { accepted: 1 }],
      [3_600, 60, 'inbox', { accepted: 1 }],
    ]);
    clock.at -= HOUR;
    received();
    expect(rows()).toContainEqual([60, 1, 'inbox', { accepted: 1 }]); // the first minute is closed
  });

  it('that are counted after they were taken, by a clock that is set back, are kept', () => {
    const { clock, counter, received, rows } = counting();
    received();
    clock.at += MINUTE;
    received();
    const before = counter.pending();
    clock.at -= MINUTE;
    received(); // in the minute before, which is not closed yet
    counter.written(before);
    expect(rows()).toEqual([
      [60, 0, 'inbox', { accepted: 2 }],
      [3_600, 0, 'inbox', { accepted: 3 }],
    ]);
  });

  it('are kept if they were counted while the last of their minute were being written', () => {
    const { clock, counter, received, rows } = counting();
    received();
    const before = counter.pending();
    received(); // in the same minute, after it was taken
    clock.at += MINUTE;
    counter.written(before);
    expect(rows()).toEqual([
      [60, 0, 'inbox', { accepted: 2 }],
      [3_600, 0, 'inbox', { accepted: 2 }],
    ]);
  });

  it('do not replace those of a minute that is written when the clock is set back', () => {
    const { clock, counter, received, rows } = counting();
    received();
    clock.at += MINUTE;
    counter.written(counter.pending());
    clock.at -= 1;
    received();
    expect(rows()).toEqual([
      [60, 1, 'inbox', { accepted: 1 }],
      [3_600, 0, 'inbox', { accepted: 2 }],
    ]);
  });

  it('of the hour before are still written in the next', () => {
    const { clock, counter, received, rows } = counting();
    received();
    clock.at += HOUR;
    received();
    expect(rows()).toContainEqual([3_600, 0, 'inbox', { accepted: 1 }]);
    counter.written(counter.pending());
    clock.at += 2 * HOUR;
    received();
    counter.written(counter.pending());
    received();
    expect(rows()).toEqual([
      [60, 180, 'inbox', { accepted: 2 }],
      [3_600, 180, 'inbox', { accepted: 2 }],
    ]);
  });

  it('stay within bounds while the database does not answer', () => {
    const { clock, received, rows } = counting();
    for (let minute = 0; minute < 300; minute++) {
      received();
      clock.at += MINUTE;
    }
    const all = rows();
    expect(all.filter(([width]) => width === 60)).toHaveLength(120);
    const hours = all.filter(([width]) => width === 3_600);
    const sums = hours.map(([, , , counts]) => (counts as { accepted: number }).accepted);
    expect(sums.reduce((sum, one) => sum + one, 0)).toBe(300);
  });

  it('are of deliveries and of handlers, too', () => {
    const { signals, rows } = counting();
    const settled = { deliveryId: 'd', reason: undefined, nextIn: undefined, age: 12, dispatches: 1, replays: 0 };
    signals.announce('settled', { ...settled, state: 'completed' });
    signals.announce('settled', { ...settled, state: 'completed', dispatches: 2 });
    signals.announce('settled', { ...settled, state: 'pending' });
    signals.announce('settled', { ...settled, state: 'returned' });
    signals.announce('settled', { ...settled, state: 'dead' });
    signals.announce('poisoned', { count: 2 });
    const run = {
      deliveryId: 'd',
      handler: 'h',
      attempt: 1,
      maxAttempts: 3,
      nextIn: undefined,
      error: undefined,
      took: 3,
    };
    signals.announce('attempt-ended', { ...run, outcome: 'completed' });
    signals.announce('attempt-ended', { ...run, outcome: 'failed' });
    for (const kind of ['unauthorized', 'too-large', 'secrets-unavailable'] as const)
      signals.announce('refused', { kind, status: 400, secretProblem: undefined, hasVerdict: false });
    signals.announce('refused', { kind: 'invalid', status: 400, secretProblem: undefined, hasVerdict: true });
    const [inbox, handler] = rows();
    expect(inbox?.[3]).toEqual({
      completed: 1,
      completedAfterRetry: 1,
      failed: 1,
      dead: 3,
      unauthorized: 1,
      refused: 1,
      unavailable: 1,
    });
    expect(handler).toEqual([60, 0, 'handler:h', { completed: 1, failed: 1 }]);
  });
});
