import { describe, expect, it } from '@jest/globals';
import { Answers } from './load/answers.js';
import { LoadRecorder } from './load/load-recorder.js';
import { complaintsOf } from './requests/complaints.js';
import { isReached } from './report/goal.js';
import { joinRounds, joinedGoalTable } from './report/join.js';
import { median, ratioByRound, spread } from './report/statistics.js';

describe('answers read from a connection', () => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"received":true}';
  const refused = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\ncontent-length: 2\r\n\r\n{}';

  it.each([1, 7, 40, 1_000])('are told apart whatever the pieces they come in: %d bytes', (size) => {
    const statuses: number[] = [];
    const answers = new Answers((status) => statuses.push(status));
    const all = Buffer.from(ok + refused + ok);
    for (let at = 0; at < all.length; at += size) {
      const piece = all.subarray(at, at + size);
      answers.read(piece, piece.length);
    }
    expect(statuses).toEqual([200, 503, 200]);
  });

  it('are refused when they do not say how long they are', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect(() => new Answers(() => {}).read(chunked, chunked.length)).toThrow('without a length');
  });
});

describe('a load recorder', () => {
  it('has a rate and latencies of what came while it measured, and counts of everything', () => {
    const recorder = new LoadRecorder();
    recorder.add(200, 1_000);
    recorder.begin();
    for (let milliseconds = 1; milliseconds <= 100; milliseconds++) recorder.add(200, milliseconds);
    recorder.add(503, 100);
    recorder.end();
    recorder.add('ECONNRESET', 1_000);
    const { acknowledged, errors, p50, p99, max } = recorder.load();
    expect({ acknowledged, errors, p50, p99, max }).toEqual({
      acknowledged: 101,
      errors: { 503: 1, ECONNRESET: 1 },
      p50: 51,
      p99: 100,
      max: 100,
    });
  });
});

const run = (round: number, name: string, rate: number) => ({ round, name, rate });

const ratio = (runs: ReturnType<typeof run>[]) =>
  ratioByRound(
    runs,
    ({ rate }) => rate,
    ({ name }) => name === 'a',
    ({ name }) => name === 'b',
  );

describe('figures over rounds', () => {
  it('are the median of the ratios within each round, not the ratio of medians', () => {
    const fast = [run(1, 'a', 200), run(1, 'b', 100)];
    const slow = [run(2, 'b', 10), run(2, 'a', 30)];
    const slower = [run(3, 'a', 1), run(3, 'b', 1)];
    expect(ratio([...fast, ...slow, ...slower])).toBe(2);
  });

  it('are missing when no round has both', () => {
    expect(ratio([run(1, 'a', 1), run(2, 'b', 1)])).toBeUndefined();
  });

  it('have a spread, and a median between two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(spread([90, 100, 110])).toBe('20 %');
  });
});

describe('a goal', () => {
  it.each([
    [1.2, '≥ 1.2', true],
    [1.19, '≥ 1.2', false],
    [1.2, '≤ 1.2', true],
    [1.21, '≤ 1.2', false],
    [Number.NaN, '≥ 1.2', false],
    [undefined, '≥ 1.2', undefined],
  ] as const)('of %p with the demand %s is reached: %p', (value, demand, reached) => {
    expect(isReached({ figure: '', value, demand })).toBe(reached);
  });
});

describe('several runs', () => {
  it('keep their rounds apart, also where one has not measured a part', () => {
    const first = [run(1, 'a', 1), run(2, 'a', 2)];
    expect(joinRounds([first, undefined, [run(1, 'a', 3)]])).toEqual([...first, run(3, 'a', 3)]);
  });

  it.each([
    [[1, 1, 1], 'reached'],
    [[1, undefined, 1], 'reached'],
    [[1, 0.5, 1], 'MISSED in 1 of 3'],
    [[0.5, 0.5, 0.5], 'MISSED'],
    [[undefined, undefined, undefined], 'not measured'],
  ])('with %j for a goal of 1 have it %s', (values, verdict) => {
    const runs = values.map((value) => [{ figure: 'this', value, demand: '≥ 1' as const }]);
    expect(joinedGoalTable(runs)).toContain(` ${verdict} │`);
  });
});

describe('a run', () => {
  const good = {
    contender: 'ours-express' as const,
    connections: 16,
    acknowledged: 10,
    rate: 10,
    p50: 1,
    p99: 1,
    max: 1,
    errors: {},
    unsent: 0,
    stored: 10,
    handled: 10,
    unfinished: 0,
    behind: 0,
    rss: 1,
    cpu: 1,
  };

  it('is trusted when everything acknowledged was stored and handled', () => {
    expect(complaintsOf(good)).toEqual([]);
  });

  it('is not when something was lost, refused or never begun', () => {
    expect(complaintsOf({ ...good, stored: 9, handled: 8, unfinished: 1, errors: { 500: 1 } })).toEqual([
      '1 × 500',
      '1 were not stored',
      '2 were not handled',
      '1 were not recorded as handled',
    ]);
    expect(complaintsOf({ ...good, acknowledged: 0, stored: 0, handled: 0 })).toEqual(['nothing was acknowledged']);
  });
});
