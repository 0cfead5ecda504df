import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { channelOf } from '../../../src/instrumentation/occurrence.channels.js';
import type { OccurrenceName } from '../../../src/instrumentation/occurrence.names.js';
import { refusalKinds } from '../../../src/instrumentation/refusal.kind.js';
import { InboxMetrics, type Attributes } from '../../../src/metrics/inbox.metrics.js';

const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
/** More than a process may have values of. */
const errors = times(50, (n) => ({ type: `Error${n}`, message: '' }));

function announce(name: OccurrenceName, message: object, instance = 'this one'): void {
  channelOf(name).publish({ instance, ...message });
}

describe('the metrics of an inbox', () => {
  const series = new Set<string>();
  const sets = new Set<Attributes>();
  const keep =
    (name: string) =>
    (_: number, attributes: Attributes): void => {
      series.add(`${name} ${JSON.stringify(attributes)}`);
      sets.add(attributes);
    };
  const instruments = { nameOf: (key: string) => key, histogram: keep, counter: keep };
  const ends: (() => void)[] = [];

  afterEach(() => {
    for (const end of ends.splice(0)) end();
    series.clear();
    sets.clear();
  });

  function start(): void {
    ends.push(new InboxMetrics(instruments, 'this one').start());
  }

  it('have as many series as the documentation says at most, whatever is thrown in ten handlers', () => {
    start();
    for (const error of errors) {
      for (const outcome of ['completed', 'interrupted', 'failed', 'dead'])
        for (const handler of times(10, String)) announce('attempt', { handler, outcome, duration: 1, error });
      for (const operation of ['claim', 'renew', 'complete', 'settle', 'enqueue', 'record-handlers'])
        announce('database-unavailable', { operation, error });
      announce('flushed', { size: 1, duration: 1, error });
    }
    for (const type of ['INBOX_FULL', 'INBOX_TIMEOUT', 'INBOX_UNAVAILABLE', 'SHUTTING_DOWN'])
      announce('received', { verdict: 'unavailable', duration: 1, error: { type } });
    for (const verdict of [
      'accepted',
      'duplicate',
      'conflict',
      'unknown-status',
      'unexpected-data',
      'invalid',
      'stale',
      'erased',
    ])
      announce('received', { verdict, duration: 1 });
    for (const kind of refusalKinds) announce('refused', { kind, hasVerdict: false });
    for (const state of ['completed', 'dead', 'unhandled', 'erased']) announce('settled', { state, age: 1 });
    for (const source of ['handoff', 'claim']) announce('begun', { source, waited: 1 });
    for (const why of ['not-renewed', 'rescued', 'erased']) announce('lease-lost', { count: 1, why });
    for (const decision of ['replay', 'discard', 'accept-rejection', 'discard-rejection'])
      announce('decided', { decision });
    announce('rescued', { deliveryIds: ['a'] });
    const [, most] = /an instance has some \d+ series as a rule, and (\d+) at most/.exec(
      readFileSync('docs/observability.md', 'utf8'),
    ) ?? ['', ''];
    const observed = 16 * 2 + 5 + 6 + 8; // of secrets, states and reasons, and those without an attribute
    expect(series.size + observed).toBeGreaterThan(0.8 * Number(most));
    expect(series.size + observed).toBeLessThanOrEqual(Number(most));
    expect([...series].filter((one) => one.includes('_OTHER')).length).toBeGreaterThan(20);
  });

  it('are recorded with objects of attributes that are made once', () => {
    start();
    sets.clear(); // those of lost leases, which are counted from 0
    for (let n = 0; n < 100; n++) announce('attempt', { handler: 'h', outcome: 'completed', duration: n });
    expect(sets.size).toBe(1);
  });

  it('leave out what another instance of the process announces', () => {
    start();
    series.clear();
    announce('attempt', { handler: 'h', outcome: 'completed', duration: 1 }, 'another');
    expect(series.size).toBe(0);
  });
});
