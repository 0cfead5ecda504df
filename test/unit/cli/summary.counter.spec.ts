import { describe, expect, it } from '@jest/globals';
import type { PortalAttempt, PortalDelivery } from 'nestjs-cr3dentials-webhook/testing';
import { summaryTable } from '../../../src/cli/summary.table.js';
import { SummaryCounter } from '../../../src/cli/summary.counter.js';

const answered = (statusCode: number, duration = 1): PortalAttempt => ({ at: 0, statusCode, error: null, duration });
const unanswered = (error: string): PortalAttempt => ({ at: 0, statusCode: null, error, duration: 9_999 });
const delivered = (...attempts: PortalAttempt[]): PortalDelivery => ({ delivered: true, attempts });
const failed = (...attempts: PortalAttempt[]): PortalDelivery => ({ delivered: false, attempts });

function tallyOf(...deliveries: [sessionId: string, delivery: PortalDelivery][]): SummaryCounter {
  const tally = new SummaryCounter();
  for (const [sessionId, delivery] of deliveries) tally.count({ sessionId, body: '{}' }, delivery);
  return tally;
}

describe('a tally', () => {
  const tally = tallyOf(
    ['a', delivered(answered(200))],
    ['a', delivered(answered(503), unanswered('ECONNRESET'), answered(200))],
    ['b', failed(answered(401), answered(401))],
    ['c', failed(unanswered('ECONNRESET'))],
  );

  it('counts deliveries, sessions, attempts, retries and failures', () => {
    expect(tally.summary()).toMatchObject({
      deliveries: 4,
      sessions: 3,
      delivered: 2,
      failed: 2,
      attempts: 7,
      retries: 3,
      statusCodes: { 200: 2, 401: 2, 503: 1 },
      errors: { ECONNRESET: 2 },
    });
  });

  it('names what failed, with the last attempt', () => {
    expect(tally.summary().failures).toEqual([
      { sessionId: 'b', attempts: 2, statusCode: 401, error: null },
      { sessionId: 'c', attempts: 1, statusCode: null, error: 'ECONNRESET' },
    ]);
  });

  it('has percentiles of the attempts that were answered', () => {
    const durations = Array.from({ length: 200 }, (_, index) => 200 - index);
    const many = tallyOf(
      ...durations.map((duration) => ['s', delivered(answered(200, duration))] as [string, PortalDelivery]),
    );
    expect(many.summary().latency).toEqual({ p50: 100, p95: 190, p99: 198 });
    expect(tallyOf(['s', delivered(answered(200, 3.14159))]).summary().latency).toEqual({
      p50: 3.14,
      p95: 3.14,
      p99: 3.14,
    });
    expect(tallyOf(['s', failed(unanswered('ETIMEDOUT'))]).summary().latency).toBeNull();
  });

  it('keeps only the first failures, and says how many there are', () => {
    const many = tallyOf(
      ...Array.from({ length: 25 }, (_, index) => [`s${index}`, failed(answered(500))] as [string, PortalDelivery]),
    ).summary();
    expect([many.failed, many.failures.length]).toEqual([25, 20]);
    expect(summaryTable(many).split('\n').slice(-2)).toEqual([
      'Session s19 failed after 1 attempt(s): answered 500',
      '… and 5 more',
    ]);
  });
});

describe('the table', () => {
  it('has a row for each figure, with those of the command', () => {
    const table = summaryTable(
      tallyOf(
        ['a', delivered(answered(503, 4), answered(200, 2))],
        ['b', failed(unanswered('ECONNREFUSED'))],
      ).summary(),
      { more: { duplicates: 0 } },
    );
    const rows = table.split('\n').flatMap((line) => /^│ (.*?) +│ +(.*) │$/.exec(line)?.slice(1, 3).join(': ') ?? []);
    expect(rows.slice(0, 9)).toEqual([
      'deliveries: 2',
      'different sessions: 2',
      'duplicates: 0',
      'attempts: 3',
      'status codes: 200: 1, 503: 1',
      'no answer: ECONNREFUSED: 1',
      'p50 / p95 / p99: 2 / 4 / 4 ms',
      'retries: 1',
      'failures: 1',
    ]);
    expect(rows[9]).toMatch(/^time: \d+\.\d s, \d+ deliveries\/s$/);
    expect(table).toContain('Session b failed after 1 attempt(s): ECONNREFUSED');
    // oxlint-disable-next-line no-control-regex -- colours begin with this character
    expect(table).not.toMatch(/\u001B/);
  });
});
